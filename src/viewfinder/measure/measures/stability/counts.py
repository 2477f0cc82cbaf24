"""How often each thing is tried that may mix up a model's images."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StabilityCounts:
    """`references` are fresh processes that are asked the same (0: the measure is left out), `walk` pictures
    are shown one after the other, each kind of request that may come between two images comes `between`
    times, one request is repeated `repeats` times, and at each concurrency there are `together` requests. Of
    each kind no request begins after `budget_s` once the least number was asked."""

    references: int
    walk: int
    between: int
    repeats: int
    together: int
    budget_s: float


COUNTS: Mapping[str, StabilityCounts] = {
    "quick": StabilityCounts(references=2, walk=60, between=4, repeats=20, together=16, budget_s=5.0),
    "standard": StabilityCounts(references=3, walk=300, between=24, repeats=20, together=60, budget_s=90.0),
    "thorough": StabilityCounts(references=3, walk=600, between=60, repeats=20, together=120, budget_s=300.0),
}
