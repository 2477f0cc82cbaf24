"""Whether a series grows from one request to the next, and how surely; called by `growth`.

One slope for a whole series that has steps, outliers and memory of its own: the median of the slopes of all
pairs of its points (Theil 1950; Sen, J. Am. Stat. Assoc. 63 (1968) 1379), which 29 % of wild points cannot
move. Its standard error is from a bootstrap of whole blocks of what the line leaves over, the series bent to
a circle (Politis and Romano, in Exploring the Limits of Bootstrap, 1992, 263): neighbors resemble each other,
and single points drawn would hide that.
"""

import math
import statistics
from collections.abc import Sequence

import numpy as np
from scipy import special
from scipy import stats as scipy_stats

from viewfinder.measure.statistics.intervals import LEVEL, Interval, TooFew

MIN_VALUES = 30
"""Below, there are fewer than four blocks, and they tell nothing of how much such series vary."""
MOST_POINTS = 150
"""A longer series is taken as the medians of groups: a slope of all pairs costs the square of its points."""
RESAMPLES = 199


def slope(values: Sequence[float], *, seed: int = 0, resamples: int = RESAMPLES) -> Interval:
    """How much the values grow from each to the next, with the 95 % interval. Raises TooFew below 30."""
    if len(values) < MIN_VALUES:
        raise TooFew(f"a trend needs {MIN_VALUES} requests, there were {len(values)}")
    points, group = _grouped(np.asarray(values, float))
    if np.ptp(points) == 0:
        return 0.0, 0.0, 0.0
    at = np.arange(len(points))
    line = scipy_stats.theilslopes(points, at)
    value = float(line.slope)
    residuals = points - line.intercept - value * at
    length = math.ceil(1.5 * math.sqrt(len(points)))
    rng = np.random.default_rng(seed)
    drawn = [
        float(scipy_stats.theilslopes(_of_blocks(residuals, length, rng), at).slope) for _ in range(resamples)
    ]
    # So few blocks vary less than the series does. With two thirds of them as degrees of freedom, 95 % hold
    # in simulation whether neighbors are independent or nearly alike (correlation 0.8); with all, 85 to 91 %.
    freedom = max(1.0, 2 / 3 * len(points) / length - 2)
    reach = float(special.stdtrit(freedom, (1 + LEVEL) / 2)) * statistics.stdev(drawn)
    return value / group, (value - reach) / group, (value + reach) / group


def _grouped(values: np.ndarray) -> tuple[np.ndarray, int]:
    """At most so many points as a slope can be had of quickly, and how many values make one."""
    group = math.ceil(len(values) / MOST_POINTS)
    whole = len(values) // group * group
    return np.median(values[len(values) - whole :].reshape(-1, group), axis=1), group


def _of_blocks(residuals: np.ndarray, length: int, rng: np.random.Generator) -> np.ndarray:
    """A series as long, of blocks drawn from anywhere on the circle."""
    n = len(residuals)
    starts = rng.integers(0, n, math.ceil(n / length))
    drawn: np.ndarray = residuals[(starts[:, None] + np.arange(length)).ravel()[:n] % n]
    return drawn
