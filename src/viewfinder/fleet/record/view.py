"""What a fleet looks like at one moment: read by `ps`, the metrics and the scheduler's tests."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

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
