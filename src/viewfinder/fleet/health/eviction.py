"""Which models are evicted to make room for another; pure, called by `scheduler` and `watchdog`.

The first to go is the model with the longest idle time in proportion to its reload time. Pinned models are no
candidates.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """A loaded model: the memory it holds, its idle time, and how long a reload takes."""

    name: str
    holds_bytes: int
    idle_s: float
    reload_s: float


def victims(candidates: Iterable[Candidate], missing_bytes: int) -> tuple[str, ...] | None:
    """The models to evict, in order, to free `missing_bytes`; None when all of them are not enough.

    A model stays when those chosen after it free enough without it.
    """
    chosen: list[Candidate] = []
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


def _eviction_value(candidate: Candidate) -> float:
    return candidate.idle_s / max(0.1, candidate.reload_s)
