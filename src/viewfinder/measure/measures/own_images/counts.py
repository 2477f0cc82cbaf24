"""The number of the user's own questions that are asked."""

from dataclasses import dataclass, replace
from typing import Self


@dataclass(frozen=True, slots=True)
class OwnImagesCounts:
    """At most `questions` of the `total` in `folder` (empty: there is none); at least `least`, which even the
    slowest model gets, and none after `budget_s`. The numbers are high: a user who brings questions wants
    them asked. `decisions` of them are asked as such, too, once all were asked, in what is left of that time.
    `digest` shows whether they are still the same when a run is resumed."""

    questions: int
    budget_s: float
    folder: str = ""
    digest: str = ""
    total: int = 0
    least: int = 20
    decisions: int = 0

    def within(self, limit_s: float, models: int, *, alone: bool) -> Self:
        """The counts in a run of `limit_s` with this number of models: each gets the same time, so that the
        first one does not take that of the last. The rest of the suite keeps half of it, unless there is none
        (`alone`)."""
        each_s = limit_s / max(1, models)
        return replace(self, least=1, budget_s=each_s if alone else min(self.budget_s, each_s / 2))


COUNTS = {
    "quick": OwnImagesCounts(questions=100, budget_s=60.0),
    "standard": OwnImagesCounts(questions=1000, budget_s=600.0),
    "thorough": OwnImagesCounts(questions=5000, budget_s=3600.0),
}
