"""How often cold starts are timed; fresh starts are as many as the suite has timed processes."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ColdCounts:
    """Starts with the files out of the page cache; none begins after `budget_s` once the least number was
    timed."""

    starts: int
    budget_s: float


COUNTS: Mapping[str, ColdCounts] = {
    "standard": ColdCounts(starts=6, budget_s=90.0),
    "thorough": ColdCounts(starts=11, budget_s=300.0),
}
