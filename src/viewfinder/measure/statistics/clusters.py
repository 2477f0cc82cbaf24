"""How many independent answers those about a few scenes are worth; called by `pairs`, `percentiles` and the
measures.

Four questions about one picture are not four independent ones. How much less they are worth is the design
effect: the variance between scenes over that of the same number of independent answers (Kish, Survey
Sampling, 1965). It is at most what it would be if all answers about a scene were alike; that is also assumed
where it cannot be estimated, because all answers are right, or all wrong.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import ArrayLike

from viewfinder.measure.statistics.intervals import LEVEL, Interval, TooFew, score_interval, wilson


@dataclass(frozen=True, slots=True)
class Worth:
    """`n` answers of `clusters` clusters are worth n / effect independent ones."""

    n: int
    clusters: int
    effect: float

    @property
    def independent(self) -> float:
        return self.n / self.effect

    @property
    def is_clustered(self) -> bool:
        return self.clusters < self.n

    def quantile(self, level: float) -> float:
        """How many standard errors away a one-sided bound at `level` lies: Student's, with one degree of
        freedom less than there are clusters, because their variance was estimated; normal without
        clusters."""
        if not self.is_clustered:
            return float(scipy.special.ndtri(level))
        return float(scipy.special.stdtrit(max(1, self.clusters - 1), level))


def worth(totals: ArrayLike, sizes: ArrayLike, independent_variance: float) -> Worth:
    """The worth of answers, from each cluster's sum and its number of answers.

    `independent_variance` is the variance of one answer if all were independent. Raises TooFew without
    answers.
    """
    total, size = np.asarray(totals, float), np.asarray(sizes, float)
    n, clusters = float(size.sum()), int((size > 0).sum())
    if not n:
        raise TooFew("no question was asked")
    alike = float((size**2).sum() / n)
    if independent_variance <= 0 or clusters < 2:
        return Worth(int(n), clusters, alike)
    residuals = total - total.sum() / n * size
    variance = clusters / (clusters - 1) * float((residuals**2).sum()) / n**2
    return Worth(int(n), clusters, min(alike, max(1.0, variance / (independent_variance / n))))


def share_by_scene(grades: Iterable[tuple[str, float]]) -> Interval:
    """The `share` of answers that are given as scene and grade, 0 to 1."""
    scenes: dict[str, list[float]] = {}
    for scene, grade in grades:
        scenes.setdefault(scene, []).append(grade)
    return share(list(map(sum, scenes.values())), list(map(len, scenes.values())))


def share(right: Sequence[float], asked: Sequence[int]) -> Interval:
    """The share of right answers, 0 to 1, with its 95 % interval; one pair of counts a scene.

    Answers may be right in part (`right` is the sum of their grades): that varies less than right and wrong,
    so the interval is then too wide rather than too narrow.

    Wilson's score interval on the answers' worth, with Student's quantile for the scenes (the idea of Korn
    and Graubard, Survey Methodology 24 (1998) 193; Dean and Pavlou, J. Surv. Stat. Methodol. 3 (2015) 484,
    compare such intervals). With one question a scene it is Wilson's own. Raises TooFew without questions,
    ValueError for impossible counts.
    """
    if len(right) != len(asked) or any(not 0 <= r <= a for r, a in zip(right, asked, strict=False)):
        raise ValueError("each scene needs its number of right answers, at most the number of its questions")
    n, hits = sum(asked), sum(right)
    if not n:
        raise TooFew("no question was asked")
    point = hits / n
    value = worth(right, asked, point * (1 - point))
    if not value.is_clustered:
        return point, *wilson(hits, n)
    return point, *score_interval(point, value.independent, value.quantile((1 + LEVEL) / 2))
