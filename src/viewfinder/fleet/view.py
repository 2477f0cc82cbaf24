"""What a fleet looks like at one moment: read by `ps`, the metrics and the scheduler's tests."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from viewfinder.fleet.health.entry import ModelEntry
from viewfinder.fleet.process.states import State


@dataclass(frozen=True, slots=True)
class ServerView:
    """One model's server process. Seconds are ages on the monotonic clock; None: it never was."""

    model: str
    variant: str
    engine: str
    engine_version: str
    state: State
    verified: bool | None
    """Whether the canary was right when it was last asked; None: not asked yet, or none could be chosen."""
    reason: str
    """Why it is failed, in backoff or quarantined; else empty."""
    pid: int | None
    leases: int
    waiting: int
    pinned: bool
    memory_bytes: int | None
    """Footprint of the process tree when it was last measured."""
    need_bytes: int | None
    """What the memory plan holds for it."""
    starts: int
    restarts: int
    deaths: int
    up_s: float | None
    idle_s: float | None
    load_s: Mapping[str, float] = field(default_factory=dict)
    """Seconds of the stages of the last start: spawned, listening, ready."""
    canary_s: float | None = None


@dataclass(frozen=True, slots=True)
class FleetView:
    """All of them, and the queue before them."""

    servers: tuple[ServerView, ...]
    waiting: int
    budget_bytes: int
    planned_bytes: int

    def as_json(self) -> dict[str, Any]:
        """Plain types for JSON."""
        return asdict(self)


def view_of(entry: ModelEntry, waiting: int) -> ServerView:
    """An entry as a person sees it; costs no look at any process."""
    server, vitals, canary, now_s = entry.server, entry.vitals, entry.canary, time.monotonic()
    is_up = server.state == "ready"
    started_s = server.stamps.get("started", 0.0)
    return ServerView(
        model=entry.card.name,
        variant=server.variant.name,
        engine=server.variant.engine,
        engine_version=server.engine_version,
        state=entry.state,
        verified=canary.verified if is_up else None,
        reason=server.failure.message if server.failure and not is_up else "",
        pid=server.pid,
        leases=len(entry.leases),
        waiting=waiting,
        pinned=entry.pinned,
        memory_bytes=vitals.memory_bytes if is_up else None,
        need_bytes=vitals.need_bytes,
        starts=server.starts,
        restarts=max(0, server.starts - 1),
        deaths=len(server.deaths),
        up_s=now_s - server.ready_at_s if is_up and server.ready_at_s else None,
        idle_s=entry.idle_s if is_up else None,
        load_s={phase: at_s - started_s for phase, at_s in server.stamps.items() if phase != "started"},
        canary_s=now_s - canary.checked_s if canary.checked_s else None,
    )
