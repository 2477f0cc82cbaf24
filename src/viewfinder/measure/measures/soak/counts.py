"""The number of requests of the soak."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SoakCounts:
    """`requests` are sent in a row (0: the measure is left out), or as many as `budget_s` allows."""

    requests: int
    budget_s: float


COUNTS = {
    "standard": SoakCounts(requests=200, budget_s=300.0),
    "thorough": SoakCounts(requests=1000, budget_s=7200.0),
}
