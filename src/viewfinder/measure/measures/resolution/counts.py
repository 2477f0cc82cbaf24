"""How many questions the image budgets are compared by."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ResolutionCounts:
    """`questions` are shared out among `processes`, and each is asked once at every budget; none begins after
    `budget_s` once each process was asked the least number."""

    processes: int
    questions: int
    budget_s: float


COUNTS: Mapping[str, ResolutionCounts] = {
    "standard": ResolutionCounts(processes=6, questions=400, budget_s=90.0),
    "thorough": ResolutionCounts(processes=12, questions=1500, budget_s=300.0),
}
