"""The number of shapes that a model is asked to find."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GroundingCounts:
    """At most `questions`; none begins after `budget_s` once there were `least`."""

    questions: int
    least: int
    budget_s: float


COUNTS = {
    "standard": GroundingCounts(questions=80, least=20, budget_s=60.0),
    "thorough": GroundingCounts(questions=240, least=60, budget_s=240.0),
}
