"""The nodes of a Ray cluster that measure: an actor on each, which holds all of its cores, so that nothing
else that Ray places runs beside it. Opened by `api/bench_cluster`.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from viewfinder.cluster.bench_job import BenchJob, MeasureJob, NodeBench, NodeFacts
from viewfinder.cluster.deployment import connected
from viewfinder.cluster.messages import Failed
from viewfinder.core.errors import ViewfinderError
from viewfinder.core.version import VERSION
from viewfinder.measure.progress import Progress
from viewfinder.measure.store.sent import StoreWrite

START_S = 30.0
"""A node whose cores are not free for this long is left out."""
BENCH_NEWS_S = 1.0
"""How often a node is asked what it measured: seldom, for the node's sake."""
LAST_NEWS_S = 3.0
"""How long a node that is stopped may take to hand over its last answers."""


class NodeLost(Exception):
    """The node that measured is gone."""


class BenchNode:
    """One node that measures; `name` is unique among the nodes."""

    def __init__(self, name: str, facts: NodeFacts, actor: Any) -> None:
        self.name, self.facts, self._actor = name, facts, actor

    async def measure(
        self, job: BenchJob, write: Callable[[StoreWrite], None], tell: Callable[[Progress], None]
    ) -> Failed | None:
        """MeasureJob a job to its end, passing on what is written and how far it is. Raises NodeLost."""
        running = asyncio.ensure_future(_of(self._actor.run.remote(job)))
        try:
            while True:
                done, _ = await asyncio.wait([running], timeout=BENCH_NEWS_S)
                await self._pass_on(write, tell)
                if done:
                    failed: Failed | None = running.result()
                    return failed
        except RayActorError as gone:
            raise NodeLost(f"node {self.name} was lost") from gone
        except asyncio.CancelledError:
            with contextlib.suppress(Exception):  # what it measured since then is kept, where it can be had
                await asyncio.wait_for(self._pass_on(write, tell), LAST_NEWS_S)
            raise
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError, RayError):
                await running

    async def _pass_on(self, write: Callable[[StoreWrite], None], tell: Callable[[Progress], None]) -> None:
        writes, progress = await _of(self._actor.news.remote())
        for one in writes:
            write(one)
        if progress is not None:
            tell(progress)


@contextlib.asynccontextmanager
async def bench_nodes(
    address: str, measure: MeasureJob, note: Callable[[str], None]
) -> AsyncIterator[list[BenchNode]]:
    """The nodes that are free, each of which measures by `measure`; those that are not are told to `note`.

    Afterwards nothing is left of them: engines die with their node's process. Raises ViewfinderError when
    there are none.
    """
    async with connected(address):
        actors: list[Any] = []
        try:
            there = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
            for node in there:
                actors.append(_actor(node, measure))
            found = await asyncio.gather(*map(_facts, actors))
            nodes = _named(list(zip(there, found, actors, strict=True)), note)
            if not nodes:
                raise ViewfinderError(
                    "No node of the cluster is free to measure.",
                    hint="Stop what runs there (`ray status`; viewfinder serve --ray), or add nodes.",
                    code="no_free_node",
                )
            yield nodes
        finally:
            for actor in actors:
                with contextlib.suppress(Exception):
                    ray.kill(actor)


def _actor(node: dict[str, Any], measure: MeasureJob) -> Any:
    """It holds every core and card of the node, and is not started again."""
    resources = node["Resources"]
    return (
        ray.remote(NodeBench)
        .options(
            num_cpus=resources["CPU"],
            num_gpus=resources.get("GPU", 0),
            max_concurrency=2,
            scheduling_strategy=NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
        )
        .remote(measure)
    )


async def _facts(actor: Any) -> NodeFacts | str:
    """What a node is, or why it measures nothing."""
    try:
        facts: NodeFacts = await asyncio.wait_for(_of(actor.facts.remote()), START_S)
    except TimeoutError:
        return "its cores are taken by something else (`ray status`)"
    except RayError as error:
        return str(error).strip().rpartition("\n")[2]
    if facts.viewfinder != VERSION:
        return f"it has Viewfinder {facts.viewfinder}, not {VERSION}"
    return facts


def _named(
    found: list[tuple[dict[str, Any], NodeFacts | str, Any]], note: Callable[[str], None]
) -> list[BenchNode]:
    hosts = [node["NodeManagerHostname"] for node, _, _ in found]
    nodes = []
    for node, facts, actor in found:
        host = node["NodeManagerHostname"]
        name = host if hosts.count(host) == 1 else f"{host}/{node['NodeID'][:6]}"
        if isinstance(facts, str):
            note(f"Node {name} measures nothing: {facts}.")
        else:
            nodes.append(BenchNode(name, facts, actor))
    return nodes


async def _of(reference: Any) -> Any:
    return await reference
