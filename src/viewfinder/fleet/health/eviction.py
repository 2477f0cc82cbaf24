"""Which models are evicted to make room for another; pure, called by `scheduler` and `watchdog`.

The first to go is the model with the longest idle time in proportion to its reload time. Pinned models are no
candidates.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from viewfinder.fleet.process.states import REST, State


@dataclass(frozen=True, slots=True)
class ModelSnapshot:
    """All that a decision depends on for one model.

    `slots` None: any number of leases; `ahead` more requests may wait in the engine's own queue. `is_held`:
    its process is ready but may not be leased now, because it is being checked or is ending. `holds_bytes` is
    its share of the memory budget while it is up, `reload_s` how long a reload takes, and `idle_s` is 0 while
    it is leased.
    """

    name: str
    state: State
    leases: int
    slots: int | None
    holds_bytes: int
    is_held: bool = False
    is_pinned: bool = False
    idle_s: float = 0.0
    reload_s: float = 1.0
    ahead: int = 0

    @property
    def is_up(self) -> bool:
        """Whether it uses a part of the budget now."""
        return self.state not in REST


def victims(candidates: Iterable[ModelSnapshot], missing_bytes: int) -> tuple[str, ...] | None:
    """The models to evict, in order, to free `missing_bytes`; None when all of them are not enough.

    A model stays when those chosen after it free enough without it.
    """
    chosen: list[ModelSnapshot] = []
    for candidate in sorted(candidates, key=lambda one: (-_eviction_value(one), one.name)):
        if sum(one.holds_bytes for one in chosen) >= missing_bytes:
            break
        if candidate.holds_bytes > 0:
            chosen.append(candidate)
    freed_bytes = sum(one.holds_bytes for one in chosen)
    if freed_bytes < missing_bytes:
        return None
    for candidate in tuple(chosen):
        if freed_bytes - candidate.holds_bytes >= missing_bytes:
            chosen.remove(candidate)
            freed_bytes -= candidate.holds_bytes
    return tuple(one.name for one in chosen)


def _eviction_value(candidate: ModelSnapshot) -> float:
    return candidate.idle_s / max(0.1, candidate.reload_s)
