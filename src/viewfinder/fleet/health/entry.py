"""A model's entry in a fleet, in four parts with one writer each: every other module only reads them.

ModelEntry    server process, leases, unloading    written by `fleet`
Vitals        memory, load time, rates             written by `watchdog`
CanaryRecord  the canary and its last result       written by `canary_checks`
UpgradeRecord the check after an upgrade           written by `upgrade_checks`
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from viewfinder.catalog.card import ModelCard
from viewfinder.core.errors import ViewfinderError
from viewfinder.fleet.health.canary import Canary
from viewfinder.fleet.health.eviction import ModelSnapshot
from viewfinder.fleet.health.profile import Profile
from viewfinder.fleet.health.rates import Rates
from viewfinder.fleet.health.slots import SpareSlot
from viewfinder.fleet.health.stall import Rest
from viewfinder.fleet.health.upgrade_record import UpgradeRecord
from viewfinder.fleet.process.lease import Lease
from viewfinder.fleet.process.servers import Server
from viewfinder.fleet.process.slot_table import PromptPieces
from viewfinder.fleet.process.states import REST, State
from viewfinder.fleet.record.request_shape import RequestShape

_CURVE_POINTS = 240
_USUAL_S = 2.0
"""How long a request is assumed to last before the first one finished."""


def _now_s() -> float:
    return time.monotonic()  # looked up at each call, so that tests can replace the clock


@dataclass(slots=True, eq=False)
class Vitals:
    """What the watchdog measured of an entry, and what earlier processes of its variant taught.

    `need_bytes` is what the memory plan reserves, `request_s` the average duration of a request,
    `load_s` that of the last load. `is_known`: the variant's profile was looked up. `measured_s` is when the
    memory was last measured, `rest` watches whether the process has anything left to do. Times are those of
    the monotonic clock.
    """

    need_bytes: int
    load_s: float = 1.0
    rates: Rates = field(default_factory=Rates.unknown)
    request_s: float = _USUAL_S
    is_known: bool = False
    memory_bytes: int | None = None
    measured_s: float = 0.0
    memory_curve: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_CURVE_POINTS))
    peak_bytes: int = 0
    rest: Rest | None = None


def vitals_of(profile: Profile | None, need_bytes: int) -> Vitals:
    """The vitals of a new entry, filled from the profile of its variant."""
    if profile is None:
        return Vitals(need_bytes)
    return Vitals(need_bytes, load_s=profile.load_s, rates=profile.rates)


@dataclass(slots=True, eq=False)
class CanaryRecord:
    """What the canary checks found for an entry.

    `slots` chooses the slot in which the canary asks this process. `verified` and `checked_s` are result and
    time of the last check, which took `took_s`; `answers_since` counts the answers since then. `running` is
    the check in progress. While `is_held`, no lease is granted.
    """

    canary: Canary | None = None
    slots: SpareSlot | None = None
    verified: bool | None = None
    checked_s: float | None = None
    took_s: float = 0.0
    answers_since: int = 0
    running: asyncio.Task[None] | None = None
    is_held: bool = False


@dataclass(slots=True, eq=False)
class ModelEntry:
    """One variant of one model in the fleet.

    `given_back` is set when a lease is given back. `is_outdated`: its settings changed, so it is retired as
    soon as it is stopped.
    """

    card: ModelCard
    server: Server
    vitals: Vitals
    pinned: bool = False
    checks: CanaryRecord = field(default_factory=CanaryRecord)
    upgrade: UpgradeRecord = field(default_factory=UpgradeRecord)
    leases: set[Lease] = field(default_factory=set)
    given_back: asyncio.Event = field(default_factory=asyncio.Event)
    used_s: float = field(default_factory=_now_s)
    unloading: asyncio.Task[None] | None = None
    is_outdated: bool = False

    @property
    def name(self) -> str:
        """Model and variant: a model has one entry for each variant that was used."""
        return f"{self.card.name}/{self.server.variant.name}"

    @property
    def is_unloading(self) -> bool:
        return self.unloading is not None and not self.unloading.done()

    @property
    def state(self) -> State:
        """The state of its server process; already stopping while its last leases end."""
        return "stopping" if self.is_unloading else self.server.state

    @property
    def is_up(self) -> bool:
        """Whether it uses a part of the memory budget now."""
        return self.state not in REST

    @property
    def idle_s(self) -> float:
        """Seconds since it was last used; 0 while it is."""
        return 0.0 if self.leases else time.monotonic() - self.used_s

    @property
    def is_full(self) -> bool:
        """Whether every slot of its engine has a request."""
        return self.server.slots is not None and len(self.leases) >= self.server.slots

    def grant(
        self,
        shape: RequestShape,
        prompt: PromptPieces,
        *,
        give_back: Callable[[Lease], None],
        report: Callable[[Lease, ViewfinderError], Awaitable[None]],
        answered: Callable[[str], None],
    ) -> Lease:
        """A lease, as `Lease` describes it; one more than there are slots is sent ahead."""
        lease = Lease(
            self.server,
            shape,
            give_back=give_back,
            report=report,
            answered=answered,
            is_ahead=self.is_full,
            slots=self.server.slot_table,
            prompt=prompt,
        )
        self.leases.add(lease)
        return lease

    def end(self, lease: Lease) -> None:
        """Remove a lease; its slot is free for the request that was sent ahead."""
        self.leases.discard(lease)
        lease.end()
        self.used_s = _now_s()
        self.given_back.set()
        ahead = next((one for one in self.leases if one.is_ahead), None)
        if ahead is not None and not lease.is_ahead:
            ahead.begin(lease.slot)

    def snapshot(self) -> ModelSnapshot:
        """As the scheduler sees it."""
        return ModelSnapshot(
            name=self.name,
            state=self.state,
            leases=len(self.leases),
            slots=self.server.slots,
            holds_bytes=self.vitals.need_bytes,
            is_held=self.checks.is_held or self.server.is_ending,
            is_pinned=self.pinned,
            idle_s=self.idle_s,
            reload_s=self.vitals.load_s,
            ahead=self.server.ahead,
        )
