"""Times over fresh server processes: the typical one, and those of two models compared; called by `metrics`,
`ranking` and `compare`.

What happens once a start (memory layout, threads on cores, clock speed) changes all requests to one process
together, so the process is what was repeated (Kalibera & Jones, "Rigorous benchmarking in reasonable time",
ISMM 2013). Times are skewed and differ by factors, so their logarithms are averaged.
"""

import math
import statistics
from collections.abc import Sequence
from functools import partial

import numpy as np
import scipy
from numpy.typing import NDArray

from viewfinder.measure.statistics.contrasts import Contrast
from viewfinder.measure.statistics.intervals import LEVEL, Interval, TooFew

MIN_PROCESSES = 6
"""With fewer, the range is printed: Student's factor is 2.8 or more there, and assumes that the times are
lognormal, which so few cannot show. From 6 on the range itself encloses the median with 95 %."""
_NO_ERROR = 1e-9
"""Logarithms that differ by less than this differ by the computer's arithmetic: the values are the same."""


def typical(times: Sequence[float]) -> Interval:
    """The geometric mean of one positive time (or speed, or size) for each process, with its 95 % interval:
    Student's t on the logarithms.

    Fewer than 6 processes give the range. Raises TooFew when there is none, ValueError when a time is not
    positive.
    """
    logs = _logs(times)
    n, middle = len(logs), math.exp(statistics.fmean(logs))
    if n < MIN_PROCESSES:
        return middle, min(times), max(times)
    reach = float(scipy.special.stdtrit(n - 1, (1 + LEVEL) / 2)) * statistics.stdev(logs) / math.sqrt(n)
    return middle, middle / math.exp(reach), middle * math.exp(reach)


def of_process(times: Sequence[float]) -> float:
    """The typical time of the requests to one process: their geometric mean. Raises TooFew, ValueError."""
    return math.exp(statistics.fmean(_logs(times)))


def compare(one: Sequence[float], other: Sequence[float], *, side_by_side: bool) -> Contrast:
    """Difference of the logarithms of two models' times, one for each process; exp of it is their ratio.

    `side_by_side`: the models took turns, and the times at one place of both lists were measured right after
    each other; what slowed both down is then subtracted (paired t), else Welch's t is used. Raises TooFew
    below 2 processes of each, ValueError when times side by side do not pair up.
    """
    ours, theirs = _logs(one), _logs(other)
    if side_by_side and len(ours) != len(theirs):
        raise ValueError("processes side by side must pair up")
    n, value = min(len(ours), len(theirs)), float(ours.mean() - theirs.mean())
    if n < 2:
        raise TooFew(f"a comparison needs 2 processes of each, there were {len(ours)} and {len(theirs)}")
    if max(map(np.ptp, (ours - theirs,) if side_by_side else (ours, theirs))) < _NO_ERROR:
        return Contrast(value, value, value, value, value, float(abs(value) < _NO_ERROR), n, 0.0)
    t_test = scipy.stats.ttest_rel if side_by_side else partial(scipy.stats.ttest_ind, equal_var=False)
    test = t_test(ours, theirs)
    interval, bounds = test.confidence_interval(LEVEL), test.confidence_interval(2 * LEVEL - 1)
    error = (interval.high - interval.low) / 2 / scipy.special.stdtrit(test.df, (1 + LEVEL) / 2)
    return Contrast(
        value=value,
        low=float(interval.low),
        high=float(interval.high),
        floor=float(bounds.low),
        ceiling=float(bounds.high),
        p=float(test.pvalue),
        n=n,
        spread=float(error) * math.sqrt(n),
    )


def compare_beyond(
    one: Sequence[float],
    other: Sequence[float],
    machine_then: Sequence[float],
    machine_now: Sequence[float],
) -> Contrast:
    """The same difference without that of the machine: by how much more `one` differs from `other` than the
    same work did at these two times.

    The variances of all four means add up; the degrees of freedom are Welch's and Satterthwaite's
    (Biometrics Bulletin 2 (1946) 110). Raises TooFew below 2 processes of any.
    """
    samples = [_logs(times) for times in (one, other, machine_then, machine_now)]
    n = min(map(len, samples))
    if n < 2:
        raise TooFew(
            f"a comparison needs 2 processes of each, there were {', '.join(map(str, map(len, samples)))}"
        )
    means = [float(logs.mean()) for logs in samples]
    value = means[0] - means[1] + means[2] - means[3]
    parts = [float(logs.var(ddof=1)) / len(logs) for logs in samples]
    error = math.sqrt(math.fsum(parts))
    if error < _NO_ERROR:
        return Contrast(value, value, value, value, value, float(abs(value) < _NO_ERROR), n, 0.0)
    freedom = error**4 / math.fsum(
        part**2 / (len(logs) - 1) for part, logs in zip(parts, samples, strict=True)
    )
    reach, bound = (
        float(scipy.special.stdtrit(freedom, level)) * error for level in ((1 + LEVEL) / 2, LEVEL)
    )
    return Contrast(
        value=value,
        low=value - reach,
        high=value + reach,
        floor=value - bound,
        ceiling=value + bound,
        p=2 * float(scipy.special.stdtr(freedom, -abs(value) / error)),
        n=n,
        spread=error * math.sqrt(n),
    )


def _logs(times: Sequence[float]) -> NDArray[np.float64]:
    if not len(times):
        raise TooFew("nothing was measured")
    if min(times) <= 0:
        raise ValueError(f"a time of {min(times)} has no logarithm")
    return np.log(np.asarray(times, np.float64))
