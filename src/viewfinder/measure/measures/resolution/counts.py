"""The number of questions by which image budgets are compared."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ResolutionCounts:
    """`questions` are divided among `processes`, and each is asked once at every budget; none begins after
    `budget_s` once each process had the smallest number."""

    processes: int
    questions: int
    budget_s: float


COUNTS = {
    "standard": ResolutionCounts(processes=6, questions=400, budget_s=90.0),
    "thorough": ResolutionCounts(processes=12, questions=1500, budget_s=300.0),
}
