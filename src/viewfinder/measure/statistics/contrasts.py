"""One model against another: by how much they differ, how surely, and how many more samples would show it.

Made by `pairs` and `over_processes`; judged here and by `ranking`, by one set of rules.
"""

import math
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

import scipy

Key = TypeVar("Key", bound=Hashable)

ALPHA = 0.05
POWER = 0.8
"""The chance that the samples that `more_to_separate` names show a difference as large as the one seen."""
LEAST_CHANGE = 0.05
"""Relative change of a time or a size that is too small to be reported."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """`one` minus `other`: a difference of shares (0 to 1), or a difference of logarithms of times.

    `low` to `high` is the two-sided 95 % interval. `floor` and `ceiling` are one-sided 95 % bounds (the
    two-sided 90 % interval), from which "not inferior" and "equivalent" are judged. `p` is two-sided.
    `spread` is the standard deviation of the difference in one of the `n` samples, chosen so that the
    standard error is spread / sqrt(n) even where samples resemble each other.
    """

    value: float
    low: float
    high: float
    floor: float
    ceiling: float
    p: float
    n: int
    spread: float

    def is_not_inferior(self, margin: float) -> bool:
        """Whether `one` is surely no worse than `other` by `margin` or more (larger is better)."""
        return self.floor > -margin

    def is_equivalent(self, margin: float) -> bool:
        """Whether the two surely differ by less than `margin`: two one-sided tests (Schuirmann 1987)."""
        return -margin < self.floor and self.ceiling < margin

    def more_to_separate(self, tests: int = 1) -> float:
        """How many more samples would likely show a difference as large as the one seen; inf: no number.

        Connor, Biometrics 43 (1987) 207: for 10 points of difference where 30 % of the answers differ,
        234 pairs. `tests` is how many tests share the 5 % (Bonferroni, so too many rather than too few).
        """
        without = math.hypot(self.spread, self.value)
        reach = _z(1 - ALPHA / tests / 2) * without + _z(POWER) * self.spread
        return self._more(reach, abs(self.value))

    def more_to_tie(self, margin: float) -> float:
        """How many more would likely prove that the two differ by less than `margin`; inf: no number.

        Chow, Shao and Wang, Sample Size Calculations in Clinical Research, 2nd ed., 3.2.
        """
        # Either side can fail when the two are alike, so each may fail only half as often.
        reach = _z(1 - ALPHA) + _z(POWER if abs(self.value) > margin / 4 else (1 + POWER) / 2)
        return self._more(reach * self.spread, margin - abs(self.value))

    def more_to_judge(self, margin: float) -> float:
        """How many more would likely show on which side of `-margin` it lies: whether `one` is not inferior;
        inf: no number. Chow, Shao and Wang, the same section, one-sided.
        """
        return self._more((_z(1 - ALPHA) + _z(POWER)) * self.spread, abs(self.value + margin))

    def _more(self, reach: float, distance: float) -> float:
        """The samples until `reach`, divided by the root of their number, is at most the distance."""
        return max(0.0, math.ceil((reach / distance) ** 2) - self.n) if distance > 0 else math.inf


def holm(p_values: Mapping[Key, float]) -> dict[Key, float]:
    """Adjusted p values of several tests, each to be compared with 5 %: Holm, Scand. J. Stat. 6 (1979) 65.

    The chance of any false "they differ" is then at most 5 %, however the tests depend on each other.
    """
    ordered = sorted(p_values, key=p_values.__getitem__)
    raised = (min(1.0, (len(ordered) - place) * p_values[key]) for place, key in enumerate(ordered))
    return dict(zip(ordered, accumulate(raised, max), strict=True))


def changed(cells: Mapping[Key, Contrast]) -> set[Key]:
    """The cells of two runs that surely changed, by however little.

    At most 5 % of them are false on average (Benjamini and Hochberg, J. R. Stat. Soc. B 57 (1995) 289).
    """
    if not cells:
        return set()
    adjusted = scipy.stats.false_discovery_control([contrast.p for contrast in cells.values()], method="bh")
    return {key for key, p in zip(cells, adjusted, strict=True) if p < ALPHA}


def _z(level: float) -> float:
    return float(scipy.special.ndtri(level))
