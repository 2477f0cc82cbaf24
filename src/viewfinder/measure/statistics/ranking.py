"""Which models are not worse than the best, and how many samples would separate the rest; called by
`compare/standings`.

best             the best figure
tied             surely within the margin of the best: more questions would find nothing that matters
not separated    shown neither to be tied nor to be worse; `more` samples would likely show one of the two
worse            surely worse than the best
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from viewfinder.measure.statistics import over_processes, pairs
from viewfinder.measure.statistics.contrasts import ALPHA, Contrast, holm

RankVerdict = Literal["best", "tied", "not separated", "worse"]
MARGIN_SHARE = 0.02
"""Two points of accuracy."""
MARGIN_RATIO = math.log(1.05)
"""Five per cent of a time."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """One model's place. `contrast` is the best minus this one (None for the best itself), `p` its p value
    after Holm's correction over all pairs of models, `more` the number of further samples that would likely
    separate or tie the two."""

    model: str
    verdict: RankVerdict
    contrast: Contrast | None = None
    p: float = 1.0
    more: int = 0

    @property
    def is_among_the_best(self) -> bool:
        return self.verdict != "worse"


def rank_by_answers(answers: Mapping[str, pairs.GradedAnswers]) -> list[Ranking]:
    """Models by their share of right answers, the best first.

    Two models are compared by the questions that both were asked: a run with a budget asks some models more
    than others. Raises TooFew when two have none in common.
    """
    order = sorted(answers, key=lambda model: -sum(answers[model].values()) / max(1, len(answers[model])))
    return rank(order, lambda one, other: pairs.compare(answers[one], answers[other]), MARGIN_SHARE)


def rank_by_times(times: Mapping[str, Mapping[int, float]], *, side_by_side: bool = True) -> list[Ranking]:
    """Models by their typical time, given for each process by its number, the fastest first.

    `side_by_side`: the models took turns in the processes of one number; two are then compared by the numbers
    that both have. Raises ValueError, and TooFew when two have fewer than 2 processes to compare.
    """
    order = sorted(times, key=lambda model: over_processes.typical(list(times[model].values()))[0])

    def compare(one: str, other: str) -> Contrast:
        shared = sorted(times[one].keys() & times[other].keys())
        ours, theirs = (
            [times[model][number] for number in (shared if side_by_side else times[model])]
            for model in (one, other)
        )
        return over_processes.compare(ours, theirs, side_by_side=side_by_side)

    return rank(order, compare, MARGIN_RATIO)


def rank(order: Sequence[str], compare: Callable[[str, str], Contrast], margin: float) -> list[Ranking]:
    """The places of models that are given best first.

    The best is picked by the same numbers that it is then tested with, so all pairs are tested and corrected
    together: that holds whichever of them turns out to be the best.
    """
    if not order:
        return []
    contrasts = {pair: compare(*pair) for pair in combinations(order, 2)}
    adjusted = holm({pair: contrast.p for pair, contrast in contrasts.items()})
    best = order[0]
    others = [
        _place(other, contrasts[best, other], adjusted[best, other], margin, len(contrasts))
        for other in order[1:]
    ]
    return [Ranking(best, "best"), *others]


def explain(place: Ranking, samples: str = "questions") -> str:
    """The verdict in the guide's words; `samples` says of what more would be needed."""
    if place.verdict == "not separated":
        return f"not separated: needs about {place.more:,} more {samples}"
    return "tied within the margin" if place.verdict == "tied" else place.verdict


def _place(model: str, contrast: Contrast, p: float, margin: float, tests: int) -> Ranking:
    if contrast.is_equivalent(margin):
        # Even if the two surely differ: within the margin it is a tie in all that matters.
        return Ranking(model, "tied", contrast, p)
    if p < ALPHA:
        return Ranking(model, "worse", contrast, p)
    more = min(contrast.more_to_separate(tests), contrast.more_to_tie(margin))
    return Ranking(model, "not separated", contrast, p, max(1, int(more)) if math.isfinite(more) else 1)
