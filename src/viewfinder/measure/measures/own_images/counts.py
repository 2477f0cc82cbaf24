"""The number of the user's own questions that are asked."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OwnImagesCounts:
    """At most `questions` of the `total` in `folder` (empty: there is none); at least 20, and none after
    `budget_s`. The numbers are high: a user who brings questions wants them asked. `digest` shows whether
    they are still the same when a run is resumed."""

    questions: int
    budget_s: float
    folder: str = ""
    digest: str = ""
    total: int = 0


COUNTS = {
    "quick": OwnImagesCounts(questions=100, budget_s=60.0),
    "standard": OwnImagesCounts(questions=1000, budget_s=600.0),
    "thorough": OwnImagesCounts(questions=5000, budget_s=3600.0),
}
