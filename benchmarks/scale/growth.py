"""From what was measured: the simulation beside the measurement, a fleet of a thousand nodes, and what breaks
first; called by `__main__`, and pure but for the chance in the simulation."""

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.scale.measured import Measured
from benchmarks.scale.simulation import Costs, Setup, Simulation
from viewfinder.cluster.fleet import BOARD_LOOK_S
from viewfinder.cluster.node import REPORT_S
from viewfinder.fleet.health.canary_checks import SHARE

NODES = (10, 100, 1000)
PER_NODE = 100.0
"""Requests in a second for each node: 100,000 for a thousand."""
NODE_SLOTS = 16
GATEWAY_SHARE = 0.7
"""Gateways are added until none uses more of its core."""
LINK_BYTES = 1.25e9
"""Ten gigabits in a second."""
MOST_NODES = 10_000
OTHERS = ("raylets", "gcs", "controller", "board", "engines", "clients")


@dataclass(frozen=True, slots=True)
class Beside:
    """A measured rate, and what the simulation says of it; `difference` in parts of the measured one."""

    replicas: int
    clients: int
    measured: float
    simulated: float
    wait_ms: float
    """Of the median answer, simulated."""

    @property
    def difference(self) -> float:
        return self.simulated / self.measured - 1


@dataclass(frozen=True, slots=True)
class Grown:
    """A simulated fleet: milliseconds beyond the engine's, shares of what is there, probes of a request."""

    nodes: int
    gateways: int
    per_s: float
    wait_ms: float
    wait_99_ms: float
    gateways_used: float
    replicas_used: float
    engines_used: float
    probes: float


@dataclass(frozen=True, slots=True)
class Limit:
    """One part: how much of it is used by the number of nodes (1: all), and where it becomes too little."""

    what: str
    used: Mapping[int, float]
    breaks_at: int | None
    how: str


def costs(measured: Measured, nodes: int | None = None) -> Costs:
    """Seconds of everything. With `nodes` None those of the measured machine, where all share the cores."""
    spent, seconds = measured.processor_ms["many"], 0.001
    gateway, replica = spent["gateway"], spent["replicas"]
    words = measured.chunks
    other = sum(spent[one]["request"][0] + words * spent[one]["chunk"][0] for one in OTHERS if one in spent)
    direct = gateway["request"][0] + gateway["chunk"][0] + replica["request"][0] + replica["chunk"][0]
    router = 0.0 if nodes is None else _at(measured.router_ms, nodes) - _at(measured.router_ms, 3)
    way = max(0.0, measured.waits_ms["many"]["whole"][0] - direct - other)
    return Costs(
        engine_s=lambda _: measured.engine_ms * seconds,
        gateway_s=max(0.0, gateway["request"][0] + router) * seconds,
        gateway_chunk_s=max(0.0, gateway["chunk"][0]) * seconds,
        replica_s=max(0.0, replica["request"][0]) * seconds,
        replica_chunk_s=max(0.0, replica["chunk"][0]) * seconds,
        chunks=words,
        other_s=max(0.0, other) * seconds if nodes is None else 0.0,
        way_s=way * seconds,
        probe_s=way * seconds,
        lumps=words if nodes is None else 2,
    )


def beside(measured: Measured, seconds: float = 60.0) -> list[Beside]:
    """Every measured rate with its simulation, on as many cores as the measured machine has."""
    found = []
    for one in measured.rates:
        setup = Setup(
            one.replicas,
            measured.slots,
            measured.slots,
            cores=measured.cores,
            idle_cores=sum(measured.idle.values()),
        )
        seen = Simulation(setup, costs(measured)).closed_loop(one.clients, 5.0, seconds)
        wait_ms = round(1000 * statistics.median(seen.waits_s), 1)
        found.append(Beside(one.replicas, one.clients, one.per_s[0], round(seen.per_s, 2), wait_ms))
    return found


def gateways(measured: Measured, nodes: int) -> int:
    """How many are needed for the requests of this many nodes."""
    each = costs(measured, nodes)
    request_s = each.gateway_s + each.chunks * each.gateway_chunk_s
    return max(1, math.ceil(nodes * PER_NODE * request_s / GATEWAY_SHARE))


def grown(measured: Measured, nodes: int, warm_s: float = 0.5, seconds: float = 1.0) -> Grown:
    """A fleet of this many nodes; each has a core for its replica, and each gateway one of its own."""
    count = gateways(measured, nodes)
    setup = Setup(nodes, NODE_SLOTS, NODE_SLOTS, gateways=count)
    seen = Simulation(setup, costs(measured, nodes)).open_loop(nodes * PER_NODE, warm_s, seconds)
    waits = sorted(1000 * one - measured.engine_ms for one in seen.waits_s)
    return Grown(
        nodes,
        count,
        round(seen.per_s),
        round(waits[len(waits) // 2], 1),
        round(waits[int(0.99 * len(waits))], 1),
        round(seen.gateways_used, 3),
        round(seen.replicas_used, 3),
        round(seen.engines_used, 3),
        round(seen.probes / len(waits), 2),
    )


def limits(measured: Measured) -> list[Limit]:
    """Every shared part, the one that fails first at the top."""
    made = [_limit(what, how, used) for what, how, used in _uses(measured)]
    return sorted(made, key=lambda one: one.breaks_at or MOST_NODES + 1)


def _uses(measured: Measured) -> list[tuple[str, str, Callable[[int], float]]]:
    """What each part is used for, as a share of all there is of it, by the number of nodes."""
    board, spent = measured.board, measured.processor_ms["many"]
    first, last = min(measured.controller_ms), max(measured.controller_ms)
    slope = (measured.controller_ms[last][0] - measured.controller_ms[first][0]) / (last - first)
    put_ms = min(value[0] for name, value in measured.store_ms.items() if name.startswith("PostgreSQL"))

    def board_used(nodes: int) -> float:
        looks = gateways(measured, nodes) / BOARD_LOOK_S * _at(board["look_ms"], nodes)
        return (nodes / REPORT_S * _at(board["report_ms"], nodes) + looks) / 1000

    def link_used(nodes: int) -> float:
        return gateways(measured, nodes) / BOARD_LOOK_S * nodes * board["report_bytes"] / LINK_BYTES

    def controller_used(nodes: int) -> float:
        return (measured.controller_ms[first][0] + slope * (nodes - first)) / 1000

    def gateway_link(nodes: int) -> float:
        return nodes * PER_NODE / gateways(measured, nodes) * measured.bytes["picture"] / LINK_BYTES

    def router_used(nodes: int) -> float:
        each = costs(measured, nodes)
        return _at(measured.router_ms, nodes) / 1000 / (each.gateway_s + each.chunks * each.gateway_chunk_s)

    def node_used(_: int) -> float:
        return (
            PER_NODE
            * (spent["replicas"]["request"][0] + measured.chunks * spent["replicas"]["chunk"][0])
            / 1000
        )

    def store_used(nodes: int) -> float:
        return nodes * PER_NODE * put_ms / 1000

    def canary_used(_: int) -> float:
        return SHARE

    return [
        ("the board's processor", "every gateway reads all reports twice a second", board_used),
        ("the board's network", "the same reports, 10 Gbit/s", link_used),
        ("Serve's controller", "one process asks every replica for health and models", controller_used),
        ("PostgreSQL on this machine", "every request is one of /v1/responses that is kept", store_used),
        ("the choice of a replica", "beside all else that a gateway does for a request", router_used),
        ("a replica's process", "100 requests a second on one core of its node", node_used),
        ("a gateway's network", "a picture of 512 px in every request, 10 Gbit/s", gateway_link),
        ("an engine, by its canary", "at most 4 % of a busy model's time, on each node", canary_used),
    ]


def _limit(what: str, how: str, used: Callable[[int], float]) -> Limit:
    at = next((nodes for nodes in _steps() if used(nodes) > 1), None)
    return Limit(what, {nodes: round(used(nodes), 4) for nodes in NODES}, at, how)


def _steps() -> list[int]:
    """From one node to MOST_NODES, 5 % apart."""
    steps, at = [], 1.0
    while at <= MOST_NODES:
        if not steps or round(at) > steps[-1]:
            steps.append(round(at))
        at *= 1.05
    return steps


def _at(known: Mapping[int, Sequence[float]], nodes: int) -> float:
    """The value on the line between the two measured numbers around this one, or beyond the last two."""
    numbers = sorted(known)
    if nodes <= numbers[0]:
        return float(known[numbers[0]][0])
    after = next((index for index, number in enumerate(numbers) if number >= nodes), len(numbers) - 1)
    low, high = numbers[after - 1], numbers[after]
    share = (nodes - low) / (high - low)
    return float(known[low][0] + share * (known[high][0] - known[low][0]))


def as_json(one: Any) -> dict[str, Any]:
    return asdict(one)
