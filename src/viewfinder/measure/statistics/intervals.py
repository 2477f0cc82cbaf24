"""Intervals of a mean, a speed, a median and a share, and bounds of what was seen seldom or never; called by
`metrics`, the measures and the report.

Requests to one server process resemble each other more than requests to different ones (memory
layout, clock speed, other programs at work), so every interval here treats the **fresh server process**
as what was repeated, not the request (Kalibera & Jones, "Rigorous benchmarking in reasonable time",
ISMM 2013). All intervals are two-sided 95 %.
"""

import math
import statistics
from collections.abc import Sequence

import scipy

LEVEL = 0.95
_Z = statistics.NormalDist().inv_cdf((1 + LEVEL) / 2)
MIN_PROCESSES_FOR_MEAN = 4
"""Student's interval exists from 2 on, but its factor is 12.7 for 2 and 4.3 for 3: too wide to be of use."""
MIN_PROCESSES_FOR_MEDIAN = 6
"""No pair of fewer than 6 values encloses the median with 95 %: 2 * 0.5**5 > 0.05."""


class TooFew(Exception):
    """There are not enough measurements for an interval; the text says how many there are and how many are
    needed."""


Interval = tuple[float, float, float]
"""Value, low, high."""


def ratio(tops: Sequence[float], bottoms: Sequence[float]) -> Interval:
    """Sum of tops over sum of bottoms, one pair for each process: a mean, or a speed.

    A mean of requests has each process's sum on top and its count at the bottom; a speed has tokens on
    top and seconds at the bottom. The interval is the ratio estimator's, with Student's t and one degree
    of freedom less than there are processes (Cochran, Sampling Techniques, 3rd ed., 6.3 and 9A.1).
    Raises TooFew.
    """
    if len(tops) != len(bottoms):
        raise ValueError("tops and bottoms must pair up")
    _need(len(tops), MIN_PROCESSES_FOR_MEAN, "a mean")
    value = math.fsum(tops) / math.fsum(bottoms)
    size = statistics.fmean(bottoms)
    deviations = [(top - value * bottom) / size for top, bottom in zip(tops, bottoms, strict=True)]
    n = len(deviations)
    spread = math.sqrt(math.fsum(deviation**2 for deviation in deviations) / (n - 1) / n)
    reach = float(scipy.special.stdtrit(n - 1, (1 + LEVEL) / 2)) * spread
    return value, value - reach, value + reach


def median(values: Sequence[float]) -> Interval:
    """The median, between the two order statistics that enclose it with at least 95 %.

    Exact for any distribution (Conover, Practical Nonparametric Statistics, 3rd ed., 3.2). Raises TooFew.
    """
    n = len(values)
    _need(n, MIN_PROCESSES_FOR_MEDIAN, "a median")
    ordered = sorted(values)
    # The largest rank with P(fewer than rank of n values lie below the median) <= 2.5 %.
    rank = max(rank for rank in range(1, n + 1) if scipy.special.bdtr(rank - 1, n, 0.5) <= (1 - LEVEL) / 2)
    return statistics.median(ordered), ordered[rank - 1], ordered[n - rank]


def wilson(right: float, asked: int) -> tuple[float, float]:
    """Wilson's interval of a share, 0 to 1; (0, 1) when nothing was asked. Answers may be right in part."""
    if not 0 <= right <= asked:
        raise ValueError(f"{right} of {asked} is not a share")
    if asked == 0:
        return 0.0, 1.0
    return score_interval(right / asked, asked, _Z)


def score_interval(share: float, n: float, z: float) -> tuple[float, float]:
    """Wilson's interval, `z` standard errors wide, of the share in `n` answers (a fraction in `clusters`)."""
    middle = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    reach = z / (1 + z**2 / n) * math.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    # It always contains the share itself, except for rounding.
    return max(0.0, min(share, middle - reach)), min(1.0, max(share, middle + reach))


def at_most(events: int, asked: int) -> float:
    """The share, 0 to 1, below which events surely lie: the one-sided 95 % bound, exact for any number.

    Clopper and Pearson, Biometrika 26 (1934) 404. Without an event it is 1 - 0.05 ** (1 / asked), nearly 3 /
    asked: 4.9 % of 60, 1.0 % of 300. 1 when nothing was asked.
    """
    if not 0 <= events <= asked:
        raise ValueError(f"{events} of {asked} is not a share")
    return 1.0 if events == asked else float(scipy.special.bdtri(events, asked, 1 - LEVEL))


def is_chance(events: int, of: int, share: float) -> bool:
    """Whether chance alone, at this share, would give this many events or more with 5 % or more."""
    return events == 0 or float(scipy.special.bdtrc(events - 1, of, share)) >= 1 - LEVEL


def _need(n: int, needed: int, what: str) -> None:
    if n < needed:
        raise TooFew(f"{what} needs {needed} fresh server processes for its interval, there were {n}")
