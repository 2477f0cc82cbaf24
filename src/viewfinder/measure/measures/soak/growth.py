"""How a server's memory changes over many requests; pure.

    flat                surely less than 0.1 MB a request over the last three quarters, and not much before
    plateau             it grew, and over the last third it surely grows by less
    leak                surely more than 0.1 MB a request, to the end
    growth with cache   the same, but not while one image is shown again and again: images are kept
    unclear             too few requests, or too noisy a series, to decide

The first quarter does not count for the slope: buffers reach their size, and libraries are loaded.
"""

import math
import statistics
from collections.abc import Sequence

from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.soak.result import FootprintRange, Growth, GrowthKind
from viewfinder.measure.metrics import figure
from viewfinder.measure.statistics import trend
from viewfinder.measure.statistics.intervals import TooFew

FLAT_MB = 0.1
"""A request: 1,000 such requests take 100 MB."""
FEWEST = 3 * trend.MIN_FOR_TREND
"""With fewer requests their last third is too short for a trend."""
_EDGE = 10
_MOST_RANGES = 100
"""More than a chart can show; a thousand readings would make a result ten times as long."""
MB = 1e6


def judge(footprint_bytes: Sequence[float], same_image_bytes: Sequence[float] = ()) -> Growth | Missing:
    """The growth over a process's requests, from its footprint after each of them: first the requests with an
    image of their own each, then those with the same image again and again."""
    if len(footprint_bytes) < FEWEST:
        return Missing(
            missing=f"growth needs {FEWEST} requests at least, and 200 to see 0.05 MB a request above "
            f"the noise; there were {len(footprint_bytes)}"
        )
    series = [size / MB for size in footprint_bytes]
    later = series[len(series) // 4 :]
    slope = _slope(later, "over the last three quarters of the requests")
    at_last = _slope(series[-len(series) // 3 :], "over the last third of the requests")
    same = _slope([size / MB for size in same_image_bytes], "while one image was shown again and again")
    rise_mb = statistics.median(series[-_EDGE:]) - statistics.median(series[:_EDGE])
    if isinstance(slope, Missing):
        return slope
    kind = _kind(slope, at_last, same, rise_mb / len(series))
    return Growth(kind=kind, slope=slope, rise_mb=rise_mb)


def ranges(footprint_bytes: Sequence[float]) -> tuple[FootprintRange, ...]:
    """The footprint after each request in at most 100 ranges, so that no rise and no spike is lost."""
    each = math.ceil(len(footprint_bytes) / _MOST_RANGES)
    starts = range(0, len(footprint_bytes), each or 1)
    chunks = [(start, footprint_bytes[start : start + each]) for start in starts]
    return tuple(
        FootprintRange(
            until=start + len(chunk), low_mb=round(min(chunk) / MB, 3), high_mb=round(max(chunk) / MB, 3)
        )
        for start, chunk in chunks
    )


def per_request(values: Sequence[float], unit: str, how: str) -> Measured:
    """The growth of the values from each request to the next."""
    try:
        slope = trend.slope(values)
    except TooFew as few:
        return Missing(missing=str(few))
    how = f"{how}; median slope of all pairs (Theil and Sen), 95 % interval by a bootstrap of blocks"
    return figure(slope, len(values), unit, how)


def _slope(series_mb: Sequence[float], how: str) -> Measured:
    return per_request(series_mb, "MB/request", f"growth of the footprint of the server's processes {how}")


def _kind(slope: Figure, at_last: Measured, same: Measured, rise_mb: float) -> GrowthKind:
    if slope.high < FLAT_MB and rise_mb < FLAT_MB:
        return "flat"
    if isinstance(at_last, Figure) and at_last.high < FLAT_MB:
        return "plateau"
    if slope.low <= FLAT_MB:
        return "unclear"
    is_kept_by_image = isinstance(same, Figure) and same.high < FLAT_MB
    return "growth with cache" if is_kept_by_image else "leak"
