"""How many of the user's own questions are asked."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OwnImagesCounts:
    """`questions` are asked at most, 20 at least and none after `budget_s`: a user who brings questions wants
    them asked. They are those of `folder` (empty: there are none), which has `total`; `digest` shows whether
    they are still the same when a run is resumed."""

    questions: int
    budget_s: float
    folder: str = ""
    digest: str = ""
    total: int = 0


COUNTS: Mapping[str, OwnImagesCounts] = {
    "quick": OwnImagesCounts(questions=100, budget_s=60.0),
    "standard": OwnImagesCounts(questions=1000, budget_s=600.0),
    "thorough": OwnImagesCounts(questions=5000, budget_s=3600.0),
}
