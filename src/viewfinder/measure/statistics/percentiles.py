"""Percentiles, given only where there are enough samples to enclose them; called by the measures."""

import math
from collections.abc import Sequence

import numpy as np
import scipy

from viewfinder.measure.statistics.clusters import worth
from viewfinder.measure.statistics.intervals import LEVEL, Interval, TooFew

_TAIL = (1 - LEVEL) / 2


def samples_needed(q: float) -> int:
    """How many independent samples the 95 % interval of the `q` quantile needs to exist at all.

    The interval runs between two of the samples (no distribution is assumed). Its upper end is at most the
    largest sample, and that lies below the quantile with probability q**n, which may be 2.5 % at most; the
    same holds for the smallest sample and (1 - q)**n. So n >= ln 0.025 / ln max(q, 1 - q): 6 for the median,
    36 for p90, 72 for p95, 368 for p99.
    """
    if not 0 < q < 1:
        raise ValueError(f"{q} is no quantile between 0 and 1")
    return math.ceil(math.log(_TAIL) / math.log(max(q, 1 - q)))


def percentile(processes: Sequence[Sequence[float]], q: float) -> Interval:
    """The `q` quantile of the samples of all processes, with its distribution-free 95 % interval.

    Samples of one process resemble each other; how much is estimated from the share of each process's samples
    below the quantile (Woodruff, J. Am. Stat. Assoc. 47 (1952) 635). The ranks are those of the number of
    independent samples that all are worth. Raises TooFew when there are fewer than `samples_needed`, or they
    are worth fewer.
    """
    kept = [np.asarray(process, float) for process in processes if len(process)]
    needed = samples_needed(q)
    n = sum(map(len, kept))
    if n < needed:
        raise TooFew(f"p{100 * q:g} needs {needed} samples, there were {n}")
    ordered = np.sort(np.concatenate(kept))
    point = float(np.quantile(ordered, q))
    effective = n if len(kept) == 1 else _worth(kept, point, q)
    if effective < needed:
        raise TooFew(
            f"p{100 * q:g} needs {needed} independent samples; the {n} of {len(kept)} processes resemble "
            f"each other and are worth {effective}"
        )
    below, above = (float(scipy.stats.binom.ppf(tail, effective, q)) for tail in (_TAIL, 1 - _TAIL))
    low, high = (rank * (n + 1) / (effective + 1) for rank in (below, above + 1))
    return point, float(ordered[max(1, math.floor(low)) - 1]), float(ordered[min(n, math.ceil(high)) - 1])


def _worth(processes: list[np.ndarray], point: float, q: float) -> int:
    sizes = [len(process) for process in processes]
    # Where many samples equal the quantile, only one of the two ways to count them shows the resemblance.
    value = max(
        (
            worth([int(is_below(process, point).sum()) for process in processes], sizes, q * (1 - q))
            for is_below in (np.less, np.less_equal)
        ),
        key=lambda value: value.effect,
    )
    if value.effect <= 1:
        return value.n
    estimated = value.quantile((1 + LEVEL) / 2) / float(scipy.special.ndtri((1 + LEVEL) / 2))
    return int(value.independent / estimated**2)
