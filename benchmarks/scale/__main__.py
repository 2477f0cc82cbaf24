"""How far one fleet on Ray Serve grows: `make bench-scale`.

    python -m benchmarks.scale [--rounds 100] [--blocks 6] [--keep FOLDER]

Three nodes of Ray on this machine with a stand-in engine of a fixed service time, then a simulation with what
was measured. Exits with 1 when the simulation is more than 10 % beside the measurement. `--again` simulates
with the measurement in the folder.
"""

import argparse
import json
import logging
import os
import sys
import tempfile
import time
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

from benchmarks.scale import growth, measuring, parts, systems
from benchmarks.scale.measured import Measured
from benchmarks.scale.measuring import Rate
from benchmarks.scale.systems import Gateway
from viewfinder.cluster.messages import NodeReport
from viewfinder.host.hardware import this_machine

REPLICAS = (1, 2, 3)
WORDS = 1, 41
REQUESTS = 120, 60
BLOCK_S = 2.0
TOLERANCE = 0.10


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100, help="of requests in turns (default 100)")
    parser.add_argument("--blocks", type=int, default=6, help="of every rate, at least 6 (default 6)")
    parser.add_argument("--keep", type=Path, help="folder for scale.json (docs/scale.md shows docs/measured)")
    parser.add_argument("--again", action="store_true", help="measure nothing, use what is in the folder")
    given = parser.parse_args()
    known = Measured.kept(given.keep) if given.again and given.keep else None
    measured = known[0] if known else measure(given.rounds, given.blocks)
    if given.keep:
        measured.keep(given.keep, {})  # what follows may fail, and can be done again
    beside = growth.beside(measured)
    for one in beside:
        print(f"{one}, {one.difference:+.1%}", flush=True)
    grown = [growth.grown(measured, nodes) for nodes in growth.NODES]
    for one_grown in grown:
        print(one_grown, flush=True)
    limits = growth.limits(measured)
    for limit in limits:
        print(limit, flush=True)
    if given.keep:
        computed = {"beside": beside, "grown": grown, "limits": limits}
        measured.keep(
            given.keep, {name: [growth.as_json(one) for one in rows] for name, rows in computed.items()}
        )
    missed = [one for one in beside if abs(one.difference) > TOLERANCE]
    if missed:
        sys.exit(f"The simulation is more than {TOLERANCE:.0%} beside the measurement: {missed}")


def measure(rounds: int, blocks: int) -> Measured:
    """Everything, in one run."""
    begin_s, load = time.monotonic(), os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="vf-") as name:
        folder = Path(name)
        (folder / "store").mkdir()
        found: dict[str, Any] = {"store_ms": parts.store(folder / "store"), "router_ms": parts.router()}
        with (
            systems.stand_in(folder) as environment,
            systems.nodes(max(REPLICAS), environment, folder) as address,
            systems.gateway(environment) as one,
        ):
            rates: list[Rate] = []
            for replicas in REPLICAS:
                with systems.gateway(environment, address, replicas) as many:
                    rates += [
                        measuring.rate(many, replicas, clients, blocks, BLOCK_S)
                        for clients in (2, 6 * replicas)
                    ]
                    if replicas == max(REPLICAS):
                        found |= _before_ray(one, many, rounds, blocks)
            found |= _of_ray(address, parts.sample_report(one))
    machine = this_machine()
    where = (
        f"{machine.cpu}, {machine.cores_physical} cores, {machine.memory_bytes / 2**30:.0f} GiB, {machine.os}"
    )
    return Measured(
        rates=tuple(rates),
        bytes=_bytes(),
        engine_ms=measuring.ENGINE_MS,
        chunks=measuring.CHUNKS,
        slots=systems.SLOTS,
        load=(round(load, 1), round(os.getloadavg()[0], 1)),
        cores=psutil.cpu_count() or 1,
        machine=where,
        date=time.strftime("%Y-%m-%d"),
        took_s=round(time.monotonic() - begin_s, 1),
        versions=f"Ray {version('ray')}, SimPy {version('simpy')}, Python {sys.version.split()[0]}",
        rounds=rounds,
        **found,
    )


def _before_ray(one: Gateway, many: Gateway, rounds: int, blocks: int) -> dict[str, Any]:
    """What needs a gateway alone and one before the replicas."""
    added = measuring.added(one, many, rounds)
    waits = {name: measuring.waits(way, max(20, rounds // 4)) for name, way in (("one", one), ("many", many))}
    rest = {"one": measuring.idle(one), "many": measuring.idle(many)}
    processor = {name: _processor(way, rest[name], blocks) for name, way in (("one", one), ("many", many))}
    shared = {part: value for part, value in rest["many"].items() if part not in ("engines", "others")}
    return {"added_ms": added, "waits_ms": waits, "idle": shared, "processor_ms": processor}


def _processor(gateway: Gateway, rest: dict[str, float], blocks: int) -> dict[str, Any]:
    text = partial(measuring.text, pace=measuring.CPU_PACE)
    picture = partial(measuring.picture, pace=measuring.CPU_PACE)
    few, many = (
        measuring.processor_ms(gateway, text, words, requests, rest, blocks)
        for words, requests in zip(WORDS, REQUESTS, strict=True)
    )
    pictures = measuring.processor_ms(gateway, picture, WORDS[0], REQUESTS[0], rest, blocks)
    found = {}
    for part in few:
        request, chunk = measuring.per_chunk(few[part], many[part], WORDS)
        more = [a - b for a, b in zip(pictures[part], few[part], strict=True)]
        found[part] = {"request": request, "chunk": chunk, "picture": measuring.median(more)}
    return found


def _of_ray(address: str, report: NodeReport) -> dict[str, Any]:
    """The board and the controller, with as many replicas as a thousand, of a driver of our own."""
    import ray

    from viewfinder.cluster.deployment import NAMESPACE

    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    ray.init(address, namespace=NAMESPACE, log_to_driver=False, logging_level="ERROR")
    try:
        return {"board": parts.board(report), "controller_ms": parts.controller()}
    finally:
        ray.shutdown()


def _bytes() -> dict[str, int]:
    reply = measuring.CHUNKS * 200
    texts = {"text": measuring.text(1), "picture": measuring.picture(1)}
    return {
        name: parts.sent_bytes(json.dumps({"model": "glimpse", "messages": one}).encode(), reply)
        for name, one in texts.items()
    }


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    main()
