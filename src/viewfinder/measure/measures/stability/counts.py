"""The number of requests of each kind that may make an engine mix up images."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StabilityCounts:
    """`references` is the number of fresh processes that get the same questions (0: the measure is left out);
    `walk` pictures are sent one after the other; `between` is the number of requests of each other kind that
    come between two images; one request is repeated `repeats` times; there are `together` requests at each
    concurrency. Of each kind no request begins after `budget_s` once the smallest number was sent."""

    references: int
    walk: int
    between: int
    repeats: int
    together: int
    budget_s: float


COUNTS = {
    "quick": StabilityCounts(references=2, walk=60, between=4, repeats=20, together=16, budget_s=5.0),
    "standard": StabilityCounts(references=3, walk=300, between=24, repeats=20, together=60, budget_s=90.0),
    "thorough": StabilityCounts(references=3, walk=600, between=60, repeats=20, together=120, budget_s=300.0),
}
