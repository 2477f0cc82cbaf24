"""What single parts cost by how many replicas there are, measured one by one; called by `__main__`.

router       the choice of a replica, in a gateway
board        reports and looks, in its own process, through Ray
controller   Serve's, with replicas that do nothing
store        one turn of a conversation that is kept
"""

import asyncio
import os
import pickle
import secrets
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
from rich.progress import track

from benchmarks.scale.systems import Gateway
from viewfinder.api.control import Control
from viewfinder.cluster.board import ClusterBoard
from viewfinder.cluster.messages import NodeReport, ReplicaRequest
from viewfinder.cluster.node import REPORTED_EVENTS
from viewfinder.core.config import ResponsesSettings
from viewfinder.gateway.kept_in_file import KeptInFile
from viewfinder.gateway.kept_store import KeptStore, Turn
from viewfinder.measure.statistics.intervals import Interval, median

REPLICAS = (3, 10, 100, 1000)
CONTROLLED = (2, 8, 16)
REPEATS = 7
TURNS = 40
CONNECTIONS = 8
WATCHED_S = 8.0


def router(counts: Sequence[int] = REPLICAS) -> dict[int, Interval]:
    """Milliseconds of one choice of the real router of a gateway, while a third of the replicas is busy."""
    return {count: asyncio.run(_choices(count)) for count in counts}


async def _choices(count: int) -> Interval:
    from viewfinder.cluster.router import ModelRouter

    made: Any = object.__new__(ModelRouter)
    made.initialize_state(target_requests=4)
    replicas: list[Any] = [
        SimpleNamespace(
            replica_id=SimpleNamespace(unique_id=f"replica{number:06}"), routing_stats={"models": ["glimpse"]}
        )
        for number in range(count)
    ]
    requests = {id(one.replica_id): (5 if number % 3 == 0 else 1) for number, one in enumerate(replicas)}
    made._replica_queue_len_cache = SimpleNamespace(get=lambda replica_id: requests[id(replica_id)])
    for one in replicas:
        asked = SimpleNamespace(multiplexed_model_id="glimpse", session_id="")
        made.on_request_routed(SimpleNamespace(metadata=asked), one.replica_id, None)
    took = []
    for _ in range(REPEATS + 1):
        asked = SimpleNamespace(multiplexed_model_id="glimpse", session_id=secrets.token_hex(12))
        pending: Any = SimpleNamespace(metadata=asked, routing_context=SimpleNamespace(should_backoff=False))
        begin_s = time.perf_counter()
        ranks = await made.choose_replicas(replicas, pending)
        took.append(1000 * (time.perf_counter() - begin_s))
        assert sum(map(len, ranks)) <= count
    return median(took[1:])


def sample_report(gateway: Gateway) -> NodeReport:
    """A report as long as that of a replica which has served for a while: of this gateway's own fleet."""
    os.environ["VIEWFINDER_HOME"] = str(gateway.home)
    events = [asdict(one) for one in Control().events()] * REPORTED_EVENTS
    full = tuple(pickle.loads(pickle.dumps(one)) for one in events[:REPORTED_EVENTS])  # noqa: S301 - our own
    return NodeReport("replica", "0" * 56, "host", Control().fleet().as_json(), len(full), full)


def report_of(number: int, like: NodeReport) -> NodeReport:
    """The report of another node, as long as this one."""
    return NodeReport(
        f"replica{number:06}", like.node, like.host, like.view, like.number, like.events, like.news
    )


def board(like: NodeReport, counts: Sequence[int] = REPLICAS) -> dict[str, Any]:
    """Milliseconds of processor time of the board for a report and for a look, and the bytes of a look."""
    import ray

    actor = ray.remote(num_cpus=0)(ClusterBoard).remote()
    ray.get(actor.now.remote())
    process = _process_of("ray::ClusterBoard")
    found: dict[str, Any] = {"report_bytes": len(pickle.dumps(like)), "report_ms": {}, "look_ms": {}}
    for count in counts:
        reports = [report_of(number, like) for number in range(count)]
        spent = []
        for _ in range(REPEATS):
            before_s, turns = _cpu_s(process), max(1, 200 // count)
            for _ in range(turns):
                ray.get([actor.report.remote(one, 0) for one in reports])
            spent.append(1000 * (_cpu_s(process) - before_s) / count / turns)
        found["report_ms"][count] = median(spent)
        looks, size = [], max(2, 1000 // count)
        for _ in range(REPEATS):
            ray.get([actor.report.remote(one, 0) for one in reports])
            before_s = _cpu_s(process)
            for turn in range(size):
                ray.get(actor.look.remote(f"gateway{turn % 10}"))
            looks.append(1000 * (_cpu_s(process) - before_s) / size)
        found["look_ms"][count] = median(looks)
    ray.kill(actor)
    return found


def _process_of(beginning: str) -> psutil.Process:
    deadline_s = time.monotonic() + 20
    while time.monotonic() < deadline_s:
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                if (process.cmdline() or [""])[0].startswith(beginning):
                    return process
        time.sleep(0.1)
    raise RuntimeError(f"there is no process {beginning}")


def _cpu_s(process: psutil.Process) -> float:
    return sum(process.cpu_times()[:2])


def controller(counts: Sequence[int] = CONTROLLED) -> dict[int, Interval]:
    """Processor milliseconds of Serve's controller in a second, by the number of replicas."""
    from ray import serve
    from ray.serve.config import AutoscalingConfig, RequestRouterConfig

    from viewfinder.cluster.deployment import HEALTH_S, STATS_S

    serve.start(proxy_location="Disabled")
    process, found = _process_of("ray::ServeController"), {}
    for count in track(counts, "the controller", transient=True):
        many = serve.deployment(_Nothing, name="Nothing").options(
            ray_actor_options={"num_cpus": 0},
            autoscaling_config=AutoscalingConfig(
                min_replicas=count, max_replicas=count, metrics_interval_s=1.0
            ),
            health_check_period_s=HEALTH_S,
            request_router_config=RequestRouterConfig(request_routing_stats_period_s=STATS_S),
        )
        serve.run(many.bind(), name="nothing", route_prefix=None)
        time.sleep(3)
        spent = []
        for _ in range(6):
            before_s = _cpu_s(process)
            time.sleep(WATCHED_S / 6)
            spent.append(1000 * (_cpu_s(process) - before_s) / (WATCHED_S / 6))
        found[count] = median(spent)
    serve.delete("nothing")
    return found


class _Nothing:
    def check_health(self) -> None:
        return

    def record_routing_stats(self) -> dict[str, Any]:
        return {"models": ["glimpse"]}

    def __call__(self) -> None:
        return


def store(folder: Path) -> dict[str, Interval]:
    """Milliseconds to keep one turn of a text, in a file and in PostgreSQL where it is here; and the time for
    each turn while several connections write."""
    settings = ResponsesSettings()
    found = {"SQLite": _puts(KeptInFile(folder / "kept", settings, time.time))}
    from tests.postgres_server import PostgresServer, binaries

    if binaries() is not None:
        from viewfinder.gateway.kept_in_postgres import KeptInPostgres

        server = PostgresServer()
        try:
            found["PostgreSQL"] = _puts(KeptInPostgres(server.url, settings))
            connections = [KeptInPostgres(server.url, settings) for _ in range(CONNECTIONS)]
            found[f"PostgreSQL, {CONNECTIONS} connections"] = _together(connections)
            for one in connections:
                one.close()
        finally:
            server.close()
    return found


def _puts(kept: KeptStore) -> Interval:
    took = []
    for number in range(TURNS):
        begin_s = time.perf_counter()
        kept.put(_turn(number))
        took.append(1000 * (time.perf_counter() - begin_s))
    return median(took[5:])


def _together(connections: Sequence[KeptStore]) -> Interval:
    def put(kept: KeptStore) -> None:
        for number in range(TURNS):
            kept.put(_turn(number))

    took = []
    for _ in range(REPEATS):
        with ThreadPoolExecutor(len(connections)) as pool:
            begin_s = time.perf_counter()
            list(pool.map(put, connections))
        took.append(1000 * (time.perf_counter() - begin_s) / len(connections) / TURNS)
    return median(took)


def _turn(number: int) -> Turn:
    item = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": f"{number} " * 20}],
    }
    response = {"id": str(number), "output": [item]}
    return Turn(secrets.token_hex(12), "owner", None, [item, item], 1, response)


def sent_bytes(body: bytes, reply: int) -> int:
    """What goes to a replica for a request with this body, and back."""
    asked = ReplicaRequest("glimpse", "0" * 24, "0" * 24, body, "/v1/chat/completions", stream=True)
    return len(pickle.dumps(asked)) + reply
