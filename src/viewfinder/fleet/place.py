"""A model's place in a fleet: its server process, who uses it, who waits for it, and what is known of it."""

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field

from viewfinder.catalog.card import ModelCard
from viewfinder.fleet.health.canary import Canary
from viewfinder.fleet.health.rates import Rates
from viewfinder.fleet.health.slots import SpareSlot
from viewfinder.fleet.lease import Lease
from viewfinder.fleet.process.servers import Server
from viewfinder.fleet.record.view import ServerView
from viewfinder.fleet.scheduler import ModelNow
from viewfinder.fleet.shape import RequestShape

CURVE_POINTS = 240
USUAL_S = 2.0
"""How long a request is taken to last before one was seen."""


def _now_s() -> float:
    return time.monotonic()  # bound at the call, not here: whoever puts another clock in place is heard


@dataclass(slots=True, eq=False)
class Place:
    """One variant of one model. Seconds are of the monotonic clock."""

    card: ModelCard
    server: Server
    need_bytes: int
    pinned: bool = False
    leases: set[Lease] = field(default_factory=set)
    given_back: asyncio.Event = field(default_factory=asyncio.Event)
    """Set whenever a lease was."""
    used_s: float = field(default_factory=_now_s)
    request_s: float = USUAL_S
    """How long a request lasts, about."""
    load_s: float = 1.0
    rates: Rates = field(default_factory=Rates)
    is_known: bool = False
    """Whether what was learned of it before was looked up."""
    memory_bytes: int | None = None
    memory_s: float = 0.0
    """When its memory was last looked at."""
    memory_curve: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=CURVE_POINTS))
    peak_bytes: int = 0
    canary: Canary | None = None
    slots: SpareSlot | None = None
    """Where the canary of the process that is up asks."""
    verified: bool | None = None
    examined_s: float | None = None
    answers_since: int = 0
    """Answers since the canary was last asked."""
    examination: asyncio.Task[None] | None = None
    is_held: bool = False
    """Whether an examination keeps it from being leased."""
    unloading: asyncio.Task[None] | None = None
    is_outdated: bool = False
    """Whether its settings are not those of now: it is forgotten as soon as it is at rest."""

    @property
    def name(self) -> str:
        """What the plan calls it: a model has one place for each variant that is asked for."""
        return f"{self.card.name}/{self.server.variant.name}"

    @property
    def is_unloading(self) -> bool:
        return self.unloading is not None and not self.unloading.done()

    @property
    def idle_s(self) -> float:
        """Seconds since it was last used; 0 while it is."""
        return 0.0 if self.leases else time.monotonic() - self.used_s

    def now(self) -> ModelNow:
        """The place as the scheduler sees it."""
        return ModelNow(
            name=self.name,
            state="stopping" if self.is_unloading else self.server.state,
            leases=len(self.leases),
            slots=self.server.slots,
            holds_bytes=self.need_bytes,
            is_held=self.is_held or self.server.is_doomed,
            is_pinned=self.pinned,
            idle_s=self.idle_s,
            reload_s=self.load_s,
        )

    def view(self, waiting: int) -> ServerView:
        """The place as a person sees it."""
        server, now_s = self.server, time.monotonic()
        is_up = server.state == "ready"
        return ServerView(
            model=self.card.name,
            variant=server.variant.name,
            engine=server.variant.engine,
            engine_version=server.engine_version,
            state="stopping" if self.is_unloading else server.state,
            verified=self.verified if is_up else None,
            reason=server.failure.message if server.failure and not is_up else "",
            pid=next(iter(server.pids()), None),
            leases=len(self.leases),
            waiting=waiting,
            pinned=self.pinned,
            memory_bytes=self.memory_bytes if is_up else None,
            need_bytes=self.need_bytes,
            starts=server.starts,
            restarts=max(0, server.starts - 1),
            deaths=len(server.deaths),
            up_s=now_s - server.ready_at_s if is_up and server.ready_at_s else None,
            idle_s=self.idle_s if is_up else None,
            load_s={
                phase: at_s - server.stamps["started"]
                for phase, at_s in server.stamps.items()
                if phase != "started"
            },
            canary_s=now_s - self.examined_s if self.examined_s else None,
        )


@dataclass(slots=True, eq=False)
class Ticket:
    """One who waits in the fleet's queue; `granted` is done with a lease, or with None for who wants none."""

    place: Place
    shape: RequestShape
    wants_lease: bool = True
    granted: "asyncio.Future[Lease | None]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
