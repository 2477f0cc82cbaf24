"""How long the soak is."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SoakCounts:
    """`requests` are made in a row (0: the measure is left out), as many as `budget_s` allows."""

    requests: int
    budget_s: float


COUNTS: Mapping[str, SoakCounts] = {
    "standard": SoakCounts(requests=200, budget_s=300.0),
    "thorough": SoakCounts(requests=1000, budget_s=7200.0),
}
