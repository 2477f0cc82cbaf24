"""The number of cold starts; of fresh starts there are as many as the suite has timed processes."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ColdCounts:
    """Starts with the files out of the page cache; none begins after `budget_s` once the smallest number was
    timed."""

    starts: int
    budget_s: float


COUNTS = {
    "standard": ColdCounts(starts=6, budget_s=90.0),
    "thorough": ColdCounts(starts=11, budget_s=300.0),
}
