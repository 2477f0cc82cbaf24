"""Two models on the same questions: whose answers are right more often; called by `ranking` and `resolution`.

Only questions that both were asked count, so that both had the same easy and hard ones.
"""

import math
from collections.abc import Mapping

import numpy as np
import scipy
from numpy.typing import NDArray

from viewfinder.measure.statistics.clusters import Worth, worth
from viewfinder.measure.statistics.contrasts import Contrast
from viewfinder.measure.statistics.intervals import LEVEL, TooFew

Item = tuple[str, str]
"""Scene and question."""
GradedAnswers = Mapping[Item, bool]
"""Which questions were answered right."""

_RESAMPLES = 9_999
NOT_INFERIOR = 0.02
"""Two points of accuracy: the most that a cheaper image budget may cost."""


def compare(one: GradedAnswers, other: GradedAnswers) -> Contrast:
    """The difference of the shares of right answers, -1 to 1, positive when `one` is the better.

    The interval is that of Bonett and Price, J. Educ. Behav. Stat. 37 (2012) 479, which holds for few
    questions and when no answers differ, with the questions' worth in place of their number (see `clusters`).
    The test is exact where every scene has one question (McNemar); else the signs of whole scenes'
    differences are drawn at random (Fisher's randomization, exact or with 9,999 draws from a fixed seed).
    Raises TooFew when no question is shared.
    """
    items = sorted(one.keys() & other.keys())
    if not items:
        raise TooFew("the two were asked no question in common")
    _, places = np.unique([scene for scene, _ in items], return_inverse=True)
    differences = np.array([int(one[item]) - int(other[item]) for item in items])
    wins, losses, n = int((differences > 0).sum()), int((differences < 0).sum()), len(items)
    value = (wins - losses) / n
    by_scene = np.bincount(places, weights=differences).astype(np.float64)
    value_of = worth(by_scene, np.bincount(places), (wins + losses) / n - value**2)
    low, high = _bonett_price(wins, losses, value_of, (1 + LEVEL) / 2)
    floor, ceiling = _bonett_price(wins, losses, value_of, LEVEL)
    return Contrast(
        value=value,
        low=low,
        high=high,
        floor=floor,
        ceiling=ceiling,
        p=_exchanged(by_scene) if value_of.is_clustered else mcnemar(wins, losses),
        n=n,
        spread=_spread(wins, losses, value_of),
    )


def mcnemar(wins: int, losses: int) -> float:
    """Exact two-sided p of these wins and losses, of all questions on which two models differ."""
    if not wins + losses:
        return 1.0
    return float(scipy.stats.binomtest(wins, wins + losses).pvalue)


def _bonett_price(wins: int, losses: int, value: Worth, level: float) -> tuple[float, float]:
    """Wald's interval with one more pair won and one more lost; one-sided bounds at `level`."""
    n = value.independent + 2
    middle = (wins - losses) / value.effect / n
    reach = value.quantile(level) * _spread(wins, losses, value) / math.sqrt(value.effect * n)
    return max(-1.0, middle - reach), min(1.0, middle + reach)


def _spread(wins: int, losses: int, value: Worth) -> float:
    """Standard deviation of one question's difference, multiplied for clustered scenes; never 0, because one
    more pair counts as won and one more as lost."""
    n = value.independent + 2
    won, lost = (wins / value.effect + 1) / n, (losses / value.effect + 1) / n
    return math.sqrt((won + lost - (won - lost) ** 2) * value.effect)


def _exchanged(differences: NDArray[np.float64]) -> float:
    """How often the scenes' differences, with their signs drawn at random, have a sum as far from 0."""
    some = differences[differences != 0]
    if some.size < 2:
        return 1.0  # of one scene, either sign is as far from 0
    test = scipy.stats.permutation_test(
        (some,),
        np.sum,
        permutation_type="samples",
        n_resamples=_RESAMPLES,
        vectorized=True,
        rng=np.random.default_rng(0),
    )
    return float(test.pvalue)
