"""What Viewfinder adds to an engine, beside others like it: `make bench-peers`.

    python -m benchmarks.peers [--rounds 40] [--only-us]

Everything is measured in one run on this machine, with glimpse on llama.cpp and a new connection for each
request; what is compared is asked in turns. Exits with 1 when a target is missed. VIEWFINDER_MEASURED names a
folder for the table (docs/speed.md shows docs/measured).
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from benchmarks.peers import floors, rows, systems
from benchmarks.peers.rows import Found
from benchmarks.peers.table import Report, shown


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40, help="of each question (default 40)")
    parser.add_argument("--requests", type=int, default=200, help="of each block at once (default 200)")
    parser.add_argument("--only-us", action="store_true", help="leave the peers out")
    given = parser.parse_args()
    begin_s = time.monotonic()
    found = []
    for one in measured(given.rounds, given.requests, with_peers=not given.only_us):
        print(shown(one), flush=True)
        found.append(one)
    left_out = {name: why for name, why in systems.peers().items() if why}
    report = Report.of(found, left_out, time.monotonic() - begin_s)
    if folder := os.environ.get("VIEWFINDER_MEASURED"):
        report.keep(Path(folder))
    missed = [one for one in found if not one.good]
    if missed:
        sys.exit("Missed:\n" + "\n".join(f"  {shown(one)}" for one in missed))


def measured(rounds: int, requests: int, *, with_peers: bool) -> Iterator[Found]:
    """Every row, as soon as it is known."""
    with ExitStack() as stack:
        ours = stack.enter_context(systems.gateway())
        pairs = [ours.pair]
        left_out = systems.peers()
        if with_peers:
            pairs.append(stack.enter_context(systems.relay(ours)))
        if with_peers and not left_out["LiteLLM"]:
            pairs.append(stack.enter_context(systems.litellm()))
        if with_peers and not left_out["llama-server's router"]:
            pairs.append(stack.enter_context(systems.llama_router()))
        for question in rows.QUESTIONS:
            yield from rows.added(pairs, question, rounds)
        for clients, target in ((8, 0.8), (64, 0.9)):
            yield from rows.throughput(pairs, clients, requests, target)
        yield rows.photograph(ours)
        yield from floors.parts_of(ours)
        yield from rows.follow_up(ours, max(8, rounds // 2))
        yield from rows.cold(ours)


if __name__ == "__main__":
    main()
