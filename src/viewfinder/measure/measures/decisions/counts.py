"""The number of questions whose probabilities are calibrated."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DecisionCounts:
    """At most `questions` of all kinds together, each asked in both orders of its answers; none begins after
    `budget_s` once there were `least`."""

    questions: int
    least: int
    budget_s: float


COUNTS = {
    "standard": DecisionCounts(questions=480, least=90, budget_s=90.0),
    "thorough": DecisionCounts(questions=1500, least=300, budget_s=400.0),
}
