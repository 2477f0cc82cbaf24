"""The number of questions whose energy is counted on each process."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EnergyCounts:
    """`questions` about new images to each process; none begins after `budget_s` once two were sent."""

    questions: int
    budget_s: float


COUNTS = {
    "quick": EnergyCounts(12, budget_s=5.0),
    "standard": EnergyCounts(30, budget_s=60.0),
    "thorough": EnergyCounts(60, budget_s=120.0),
}
