"""Times over fresh server processes: the typical one, and one model's against another's; called by `metrics`.

What happens once a start (memory layout, threads on cores, clock speed) moves all requests to one process
together, so the restart is what was repeated (Kalibera & Jones, "Rigorous benchmarking in reasonable time",
ISMM 2013). Times are skewed and differ by factors, so they are averaged as logarithms.
"""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import special

from viewfinder.measure.statistics.contrasts import Contrast
from viewfinder.measure.statistics.intervals import LEVEL, TooFew

MIN_RESTARTS = 6
"""Below, the range is printed: Student's factor is 2.8 and more there, and rests on the times being
lognormal, which so few cannot show. From 6 on the range itself encloses the median with 95 %."""


NO_ERROR = 1e-9
"""A relative error so small is that of the computer's arithmetic: the values are the same."""
Logs = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Typical:
    """The geometric mean over `n` restarts, and its 95 % interval, or the range where `is_range` is set."""

    value: float
    low: float
    high: float
    n: int
    is_range: bool


def typical(times: Sequence[float]) -> Typical:
    """Of one positive time (or speed, or size) a restart: Student's t on the logarithms, taken back.

    Fewer than 6 restarts give the range. Raises TooFew when there is none, ValueError when one is not
    positive.
    """
    logs = _logs(times)
    middle = math.exp(statistics.fmean(logs))
    if len(logs) < MIN_RESTARTS:
        return Typical(middle, min(times), max(times), len(logs), is_range=True)
    reach = (
        float(special.stdtrit(len(logs) - 1, (1 + LEVEL) / 2)) * statistics.stdev(logs) / math.sqrt(len(logs))
    )
    return Typical(middle, middle / math.exp(reach), middle * math.exp(reach), len(logs), is_range=False)


def of_restart(times: Sequence[float]) -> float:
    """What stands for one restart's requests: their geometric mean. Raises TooFew, ValueError."""
    return math.exp(statistics.fmean(_logs(times)))


def compare(one: Sequence[float], other: Sequence[float], *, side_by_side: bool) -> Contrast:
    """Difference of the logarithms of two models' times, one a restart; exp of it is their ratio.

    `side_by_side`: the restarts come in blocks, in each of which both models ran; what a block does to
    both is then taken off (paired t), else Welch's t is used. Raises TooFew below 2 restarts (paired) or
    2 each, ValueError when blocks do not pair up.
    """
    ours, theirs = np.array(_logs(one)), np.array(_logs(other))
    if side_by_side and len(ours) != len(theirs):
        raise ValueError("restarts side by side must pair up")
    if min(len(ours), len(theirs)) < 2:
        raise TooFew(f"a comparison needs 2 restarts of each, there were {len(ours)} and {len(theirs)}")
    n = min(len(ours), len(theirs))
    value = float(ours.mean() - theirs.mean())
    if side_by_side:
        error, freedom = float(np.std(ours - theirs, ddof=1)) / math.sqrt(n), float(n - 1)
    else:
        error, freedom = _welch(ours, theirs)
    if error < NO_ERROR:
        return Contrast(value, value, value, value, value, float(abs(value) < NO_ERROR), n, 0.0)
    outer, inner = (float(special.stdtrit(freedom, level)) * error for level in ((1 + LEVEL) / 2, LEVEL))
    return Contrast(
        value=value,
        low=value - outer,
        high=value + outer,
        floor=value - inner,
        ceiling=value + inner,
        p=2 * float(special.stdtr(freedom, -abs(value) / error)),
        n=n,
        spread=error * math.sqrt(n),
    )


def _welch(ours: Logs, theirs: Logs) -> tuple[float, float]:
    """Standard error of the difference of two means, and its degrees of freedom (Welch and Satterthwaite)."""
    parts = [float(np.var(logs, ddof=1)) / len(logs) for logs in (ours, theirs)]
    squares = [part**2 / (len(logs) - 1) for part, logs in zip(parts, (ours, theirs), strict=True)]
    return math.sqrt(sum(parts)), sum(parts) ** 2 / sum(squares) if any(squares) else 1.0


def _logs(times: Sequence[float]) -> list[float]:
    if not times:
        raise TooFew("nothing was measured")
    if min(times) <= 0:
        raise ValueError(f"a time of {min(times)} has no logarithm")
    return [math.log(time) for time in times]
