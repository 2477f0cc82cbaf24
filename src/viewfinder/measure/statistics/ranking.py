"""Which models are not worse than the best, and what it would take to tell the rest apart; called by guides.

best             the best figure
tied             surely within the margin of the best: more questions would find nothing that matters
not separated    neither that nor the opposite is shown: so many more samples would likely show one
worse            surely worse than the best
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

from viewfinder.measure.statistics import pairs, restarts
from viewfinder.measure.statistics.contrasts import ALPHA, Contrast, holm

RankVerdict = Literal["best", "tied", "not separated", "worse"]
MARGIN_SHARE = 0.02
"""Two points of accuracy."""
MARGIN_RATIO = math.log(1.05)
"""Five per cent of a time."""


@dataclass(frozen=True, slots=True)
class Ranking:
    """One model's place. `contrast` is the best minus this one (None for the best itself), `p` its p value
    after Holm's correction over all pairs of models, `more` how many more samples would likely do."""

    model: str
    verdict: RankVerdict
    contrast: Contrast | None = None
    p: float = 1.0
    more: int = 0

    @property
    def is_among_the_best(self) -> bool:
        return self.verdict != "worse"


def rank_by_answers(answers: Mapping[str, pairs.Answers], margin: float = MARGIN_SHARE) -> list[Ranking]:
    """Models by their share of right answers, the best first; margin is a share.

    Two models are compared by the questions that both were asked: a run with a budget asks some more than
    others. Raises TooFew when two have none in common.
    """
    order = sorted(answers, key=lambda model: -sum(answers[model].values()) / max(1, len(answers[model])))
    return rank(order, lambda one, other: pairs.compare(answers[one], answers[other]), margin)


def rank_by_times(
    times: Mapping[str, Sequence[float]], margin: float = MARGIN_RATIO, *, side_by_side: bool = True
) -> list[Ranking]:
    """Models by their typical time, one a restart, the quickest first; margin is a difference of logarithms.

    `side_by_side`: the models ran in the same blocks; where one has fewer restarts, they are not paired.
    Raises TooFew, ValueError.
    """
    middles = {model: restarts.typical(of_one).value for model, of_one in times.items()}
    order = sorted(times, key=lambda model: middles[model])
    together = side_by_side and len({len(of_one) for of_one in times.values()}) == 1
    return rank(
        order,
        lambda one, other: restarts.compare(times[one], times[other], side_by_side=together),
        margin,
    )


def rank_by_blocks(times: Mapping[str, Mapping[int, float]], margin: float = MARGIN_RATIO) -> list[Ranking]:
    """Likewise of models that ran in the same blocks, one time a block: two models are compared by the blocks
    that both ran in. Raises TooFew when two have fewer than 2 in common."""
    middles = {model: restarts.typical(list(blocks.values())).value for model, blocks in times.items()}

    def compare(one: str, other: str) -> Contrast:
        shared = sorted(times[one].keys() & times[other].keys())
        ours, theirs = ([times[model][block] for block in shared] for model in (one, other))
        return restarts.compare(ours, theirs, side_by_side=True)

    return rank(sorted(times, key=lambda model: middles[model]), compare, margin)


def rank(order: Sequence[str], compare: Callable[[str, str], Contrast], margin: float) -> list[Ranking]:
    """The places of models that are given best first.

    The best is picked by the same numbers that it is then tested with, so all pairs are tested and corrected
    for together: that holds whichever of them turns out to be the best.
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
    """The verdict in the words of a guide; `samples` is what there would have to be more of."""
    match place.verdict:
        case "tied":
            return "tied within the margin"
        case "not separated":
            return f"not separated: needs about {place.more:,} more {samples}"
        case verdict:
            return verdict


def _place(model: str, contrast: Contrast, p: float, margin: float, tests: int) -> Ranking:
    if p < ALPHA:
        # Surely different and yet within the margin is a tie in all that matters.
        verdict: RankVerdict = "tied" if contrast.is_equivalent(margin) else "worse"
        return Ranking(model, verdict, contrast, p)
    if contrast.is_equivalent(margin):
        return Ranking(model, "tied", contrast, p)
    more = min(contrast.more_to_separate(tests), contrast.more_to_tie(margin))
    return Ranking(model, "not separated", contrast, p, max(1, int(more)) if math.isfinite(more) else 1)
