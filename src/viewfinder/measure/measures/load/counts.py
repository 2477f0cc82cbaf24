"""How often loading is timed; fresh starts are as many as the suite has timed processes."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoadCounts:
    """Nothing to choose: every timed process is a fresh start."""


@dataclass(frozen=True, slots=True)
class ColdCounts:
    """Starts with the files out of the page cache; none begins after `budget_s` once the least number was
    timed."""

    starts: int
    budget_s: float


COUNTS: Mapping[str, LoadCounts] = dict.fromkeys(("quick", "standard", "thorough"), LoadCounts())
COLD_COUNTS: Mapping[str, ColdCounts] = {
    "standard": ColdCounts(starts=6, budget_s=90.0),
    "thorough": ColdCounts(starts=11, budget_s=300.0),
}
