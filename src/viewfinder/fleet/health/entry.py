"""A model's entry in a fleet: its server process and the leases on it, with what the watchdog and the canary
checks note of it. Each part is written by one class alone; everybody else reads."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

from viewfinder.catalog.card import ModelCard
from viewfinder.fleet.health.canary import Canary
from viewfinder.fleet.health.profile import Profile
from viewfinder.fleet.health.rates import Rates
from viewfinder.fleet.health.slots import SpareSlot
from viewfinder.fleet.process.lease import Lease
from viewfinder.fleet.process.servers import Server
from viewfinder.fleet.process.states import State

_CURVE_POINTS = 240
_USUAL_S = 2.0
"""How long a request is taken to last before one was seen."""


def _now_s() -> float:
    return time.monotonic()  # looked up at each call, so that tests can replace the clock


@dataclass(slots=True, eq=False)
class Vitals:
    """What the watchdog measures of one entry, and what was learned of its variant before; written by it
    alone.

    `need_bytes` is what the memory plan holds for it, `request_s` about how long a request lasts, `load_s`
    how long the last load took. `is_known`: what was learned before was looked up. `measured_s` is when its
    memory was last measured. Seconds are of the monotonic clock.
    """

    need_bytes: int
    load_s: float = 1.0
    rates: Rates = field(default_factory=Rates)
    request_s: float = _USUAL_S
    is_known: bool = False
    memory_bytes: int | None = None
    measured_s: float = 0.0
    memory_curve: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_CURVE_POINTS))
    peak_bytes: int = 0


def vitals_of(profile: Profile | None, need_bytes: int) -> Vitals:
    """Those of a new entry, with what was learned of its variant before."""
    if profile is None:
        return Vitals(need_bytes)
    return Vitals(need_bytes, load_s=profile.load_s, rates=profile.rates)


@dataclass(slots=True, eq=False)
class CanaryRecord:
    """What the canary checks know of one entry; written by them alone.

    `slots` is where the canary asks the process that is up. `answers_since` counts the answers since the last
    check. While it `holds` the entry, no lease is granted.
    """

    canary: Canary | None = None
    slots: SpareSlot | None = None
    verified: bool | None = None
    checked_s: float | None = None
    answers_since: int = 0
    check: asyncio.Task[None] | None = None
    holds: bool = False


@dataclass(slots=True, eq=False)
class ModelEntry:
    """One variant of one model; its own fields are written by the fleet.

    `given_back` is set whenever a lease was. `is_outdated`: its settings changed, and it is retired as soon
    as it is at rest.
    """

    card: ModelCard
    server: Server
    vitals: Vitals
    pinned: bool = False
    canary: CanaryRecord = field(default_factory=CanaryRecord)
    leases: set[Lease] = field(default_factory=set)
    given_back: asyncio.Event = field(default_factory=asyncio.Event)
    used_s: float = field(default_factory=_now_s)
    unloading: asyncio.Task[None] | None = None
    is_outdated: bool = False

    @property
    def name(self) -> str:
        """Its name in the plan: a model has one entry for each variant that is asked for."""
        return f"{self.card.name}/{self.server.variant.name}"

    @property
    def is_unloading(self) -> bool:
        return self.unloading is not None and not self.unloading.done()

    @property
    def state(self) -> State:
        """That of its server process; stopping as soon as its leases are awaited."""
        return "stopping" if self.is_unloading else self.server.state

    @property
    def is_up(self) -> bool:
        """Whether it takes part of the memory budget now."""
        return self.state not in ("stopped", "failed")

    @property
    def idle_s(self) -> float:
        """Seconds since it was last used; 0 while it is."""
        return 0.0 if self.leases else time.monotonic() - self.used_s
