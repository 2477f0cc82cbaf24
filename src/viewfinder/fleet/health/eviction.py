"""Which models make room for a newcomer; pure, called by `scheduler`.

The victim is the one whose idle time is longest for what its reload costs; pinned models stay.
"""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """A model that is up: what it holds, how long it is unused, and what bringing it back costs."""

    name: str
    holds_bytes: int
    idle_s: float
    reload_s: float


def victims(candidates: Iterable[Candidate], missing_bytes: int) -> tuple[str, ...] | None:
    """Who goes, first to last, so that so many bytes become free; None when all of them are not enough.

    Never more than needed: who turns out to be superfluous because a later one is large stays.
    """
    chosen: list[Candidate] = []
    for candidate in sorted(candidates, key=lambda one: (-_worth_ending(one), one.name)):
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


def _worth_ending(candidate: Candidate) -> float:
    return candidate.idle_s / max(0.1, candidate.reload_s)
