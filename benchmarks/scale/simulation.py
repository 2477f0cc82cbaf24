"""The same fleet as events in time (SimPy): gateways, their routers, replicas, engines; called by `growth`.

    client > gateway's processor > router: which replica > the way there > replica's processor > engine's slot
           < gateway's processor < words, as they come                   < replica's processor <

The router decides as `cluster/ranks` does, with what a gateway can know: the requests that it sent itself,
and what a replica said when it was asked. Every gateway and every replica is one process, which does one
thing at a time; `cores` None: each has a core of its own, otherwise all of them share that many, as on the
measured machine.
"""

import random
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import simpy

from viewfinder.cluster.ranks import FIRST_TRIED

KNOWN_S = 10.0
"""How long Serve's router believes what it knows of a replica's requests."""


@dataclass(frozen=True, slots=True)
class Costs:
    """Processor seconds of one request, and of one of its `chunks`; `way_s` is what the way to a replica and
    back takes beyond them, `probe_s` a question how busy a replica is. `engine_s` gives the time that a
    request holds a slot."""

    engine_s: Callable[[random.Random], float]
    gateway_s: float = 0.0
    gateway_chunk_s: float = 0.0
    replica_s: float = 0.0
    replica_chunk_s: float = 0.0
    chunks: int = 1
    other_s: float = 0.0
    """Of clients, engines and Ray itself, where they share the cores."""
    way_s: float = 0.0
    probe_s: float = 0.0
    lumps: int = 2
    """The chunks are worked on in so many parts: an event for each of millions would change nothing else."""


@dataclass(frozen=True, slots=True)
class Setup:
    """What there is. With `target` requests a replica counts as busy; with twice as many it takes no more."""

    nodes: int
    slots: int
    target: int
    gateways: int = 1
    cores: int | None = None
    idle_cores: float = 0.0
    """What Ray takes of the cores while nobody asks."""


@dataclass(slots=True)
class Seen:
    """What one run showed: seconds of each request, and the share of the time in which things were used."""

    waits_s: list[float] = field(default_factory=list)
    """Of those that began in the measured time and were answered in it."""
    answers: int = 0
    probes: int = 0
    refused_at_first: int = 0
    per_s: float = 0.0
    gateways_used: float = 0.0
    replicas_used: float = 0.0
    engines_used: float = 0.0


class _Replica:
    def __init__(self, env: simpy.Environment, slots: int) -> None:
        self.process = simpy.Resource(env)
        self.engine = simpy.Resource(env, capacity=slots)
        self.requests = 0


class _Gateway:
    def __init__(self, env: simpy.Environment) -> None:
        self.process = simpy.Resource(env)
        self.known: dict[int, tuple[float, int]] = {}


class Simulation:
    """One run. Ask it with `open_loop` or `closed_loop`, once."""

    def __init__(self, setup: Setup, costs: Costs, seed: int = 1) -> None:
        self.setup, self.costs, self._random = setup, costs, random.Random(seed)
        self._env = simpy.Environment()
        self._cores = simpy.Resource(self._env, capacity=setup.cores) if setup.cores else None
        self._replicas = [_Replica(self._env, setup.slots) for _ in range(setup.nodes)]
        self._gateways = [_Gateway(self._env) for _ in range(setup.gateways)]
        self._full: deque[simpy.Event] = deque()
        self._used = {"gateways": 0.0, "replicas": 0.0, "engines": 0.0}
        self._begin_s = 0.0
        self.seen = Seen()

    def open_loop(self, per_s: float, warm_s: float, measured_s: float) -> Seen:
        """Requests that come by chance (Poisson), whatever becomes of those before."""
        self._env.process(self._arrivals(per_s))
        return self._run(warm_s, measured_s)

    def closed_loop(self, clients: int, warm_s: float, measured_s: float) -> Seen:
        """Clients that ask again as soon as they are answered."""
        for _ in range(clients):
            self._env.process(self._client())
        return self._run(warm_s, measured_s)

    def _run(self, warm_s: float, measured_s: float) -> Seen:
        if self._cores is not None and self.setup.idle_cores:
            self._env.process(self._idle())
        self._env.run(until=warm_s)
        self._begin_s, self.seen = warm_s, Seen()
        self._used = dict.fromkeys(self._used, 0.0)
        self._env.run(until=warm_s + measured_s)
        seen, setup = self.seen, self.setup
        seen.per_s = seen.answers / measured_s
        seen.gateways_used = self._used["gateways"] / measured_s / setup.gateways
        seen.replicas_used = self._used["replicas"] / measured_s / setup.nodes
        seen.engines_used = self._used["engines"] / measured_s / setup.nodes / setup.slots
        return seen

    def _arrivals(self, per_s: float) -> Generator[Any, Any, None]:
        while True:
            yield self._env.timeout(self._random.expovariate(per_s))
            self._env.process(self._request())

    def _client(self) -> Generator[Any, Any, None]:
        while True:
            yield self._env.process(self._request())

    def _idle(self) -> Generator[Any, Any, None]:
        while True:
            yield from self._on_a_core(0.02 * self.setup.idle_cores)
            yield self._env.timeout(0.02 * max(0.0, 1 - self.setup.idle_cores))

    def _request(self) -> Generator[Any, Any, None]:
        begin_s, costs = self._env.now, self.costs
        gateway = self._random.choice(self._gateways)
        yield from self._work(gateway.process, costs.gateway_s, "gateways")
        replica, number = yield from self._routed(gateway)
        yield self._env.timeout(costs.way_s)
        yield from self._work(replica.process, costs.replica_s, "replicas")
        if self._cores is not None:
            yield from self._on_a_core(costs.other_s)
        with replica.engine.request() as slot:
            yield slot
            yield from self._answered(gateway, replica)
        replica.requests -= 1
        if number in gateway.known:
            at_s, known = gateway.known[number]
            gateway.known[number] = (at_s, max(0, known - 1))
        if self._full:
            self._full.popleft().succeed()
        self.seen.answers += 1
        if begin_s >= self._begin_s:
            self.seen.waits_s.append(self._env.now - begin_s)

    def _answered(self, gateway: _Gateway, replica: _Replica) -> Generator[Any, Any, None]:
        """The engine's time; the words are passed on meanwhile, the last ones after it."""
        costs, parts = self.costs, self.costs.lumps
        held_s = costs.engine_s(self._random)
        passed = []
        for part in range(parts):
            yield self._env.timeout(held_s / parts)
            if part < parts - 1:
                passed.append(self._env.process(self._passed(gateway, replica, costs.chunks / parts)))
        self._used["engines"] += held_s
        if parts > 1 or costs.gateway_chunk_s or costs.replica_chunk_s:
            passed.append(self._env.process(self._passed(gateway, replica, costs.chunks / parts)))
            yield self._env.all_of(passed)

    def _passed(self, gateway: _Gateway, replica: _Replica, chunks: float) -> Generator[Any, Any, None]:
        yield from self._work(replica.process, chunks * self.costs.replica_chunk_s, "replicas")
        yield from self._work(gateway.process, chunks * self.costs.gateway_chunk_s, "gateways")

    def _work(self, process: simpy.Resource, seconds: float, part: str) -> Generator[Any, Any, None]:
        if not seconds:
            return
        with process.request() as turn:
            yield turn
            yield from self._on_a_core(seconds)
        self._used[part] += seconds

    def _on_a_core(self, seconds: float) -> Generator[Any, Any, None]:
        if self._cores is None:
            yield self._env.timeout(seconds)
            return
        with self._cores.request() as core:
            yield core
            yield self._env.timeout(seconds)

    def _routed(self, gateway: _Gateway) -> Generator[Any, Any, tuple[_Replica, int]]:
        """The replica that takes the request, as `cluster/ranks` and Serve's router choose it."""
        most = 2 * self.setup.target
        while True:
            for rank in self._ranks(gateway):
                known = [(self._known(gateway, one), one) for one in rank]
                fit = [(requests, one) for requests, one in known if requests is not None and requests < most]
                if not fit:
                    self.seen.probes += len(rank)
                    yield self._env.timeout(self.costs.probe_s)
                    for one in rank:
                        gateway.known[one] = (self._env.now, self._replicas[one].requests)
                    fit = [(self._replicas[one].requests, one) for one in rank]
                requests, chosen = min(fit)
                replica = self._replicas[chosen]
                if requests < most and replica.requests < most:
                    replica.requests += 1
                    gateway.known[chosen] = (self._env.now, replica.requests)
                    return replica, chosen
                gateway.known[chosen] = (self._env.now, replica.requests)
            self.seen.refused_at_first += 1
            room = self._env.event()
            self._full.append(room)
            yield room

    def _ranks(self, gateway: _Gateway) -> Generator[list[int], None, None]:
        """The home of a conversation, then others, three, six, twelve at a time; all by chance."""
        number, target, taken = self.setup.nodes, self.setup.target, set[int]()
        size = 1
        while len(taken) < number and size <= 2 * number:
            rank: list[int] = []
            for _ in range(4 * size):
                one = self._random.randrange(number)
                if one not in taken and (self._known(gateway, one) or 0) < target:
                    taken.add(one)
                    rank.append(one)
                if len(rank) == size:
                    break
            if rank:
                yield rank
            size = 2 * size if size > 1 else FIRST_TRIED
        busy = [one for one in range(number) if one not in taken]
        self._random.shuffle(busy)
        size = FIRST_TRIED
        while busy:
            yield busy[:size]
            busy, size = busy[size:], 2 * size

    def _known(self, gateway: _Gateway, replica: int) -> int | None:
        at_s, requests = gateway.known.get(replica, (-KNOWN_S, 0))
        return requests if self._env.now - at_s < KNOWN_S else None
