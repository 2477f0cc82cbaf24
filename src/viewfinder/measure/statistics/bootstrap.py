"""An interval for any statistic of one level's values, by drawing from them again; called by the measures.

Only inside a level: the requests to one server process, or the scenes of one run. A bootstrap over the values
of 5 to 15 processes is far too narrow, and one over all requests ignores that those to one process resemble
each other; over processes, use `over_processes.typical`.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy

from viewfinder.measure.statistics.intervals import LEVEL, Interval, TooFew

MIN_FOR_BOOTSTRAP = 20
"""With fewer, the bootstrap sees too little of the tails."""
_RESAMPLES = 2_000


def inside(
    values: Sequence[float], statistic: Callable[..., Any], *, resamples: int = _RESAMPLES
) -> Interval:
    """The statistic with its 95 % interval (BCa; Efron, J. Am. Stat. Assoc. 82 (1987) 171).

    `statistic` takes an array and `axis`, as numpy's do. Raises TooFew below 20 values.
    """
    if len(values) < MIN_FOR_BOOTSTRAP:
        raise TooFew(f"a bootstrap needs {MIN_FOR_BOOTSTRAP} values of one level, there were {len(values)}")
    data = np.asarray(values, float)
    value = float(statistic(data, axis=-1))
    if np.ptp(data) == 0:
        return value, value, value
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):  # values that are nearly the same
        interval = scipy.stats.bootstrap(
            (data,),
            statistic,
            n_resamples=resamples,
            confidence_level=LEVEL,
            method="BCa",
            rng=np.random.default_rng(0),
        ).confidence_interval
    if not np.isfinite([interval.low, interval.high]).all():
        return value, float(data.min()), float(data.max())
    return value, float(interval.low), float(interval.high)
