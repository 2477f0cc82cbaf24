"""How fast the machine itself was, by the same work done at different times; pure, called by `anchor`,
`revisions` and the report.

The anchor is glimpse on llama.cpp, asked the same questions about the same images at the start and at the end
of every run: if its times differ, the machine changed, not a model.
"""

import math
from collections.abc import Sequence
from contextlib import suppress

from viewfinder.measure.figures import Measured, Missing
from viewfinder.measure.metrics import DRIFT, PROCESSES, SURE, answered, figure
from viewfinder.measure.statistics import over_processes
from viewfinder.measure.statistics.contrasts import Contrast
from viewfinder.measure.statistics.intervals import TooFew
from viewfinder.measure.store.rows import Sample

ANCHOR_SCENARIO = "anchor"


def of_processes(samples: Sequence[Sample]) -> dict[int, float]:
    """The typical time of the anchor's requests to each of its processes."""
    times: dict[int, list[float]] = {}
    for one in samples:
        if one.scenario == ANCHOR_SCENARIO and answered(one.exchange):
            times.setdefault(one.process, []).append(one.exchange.e2e_s)
    return {process: over_processes.of_process(some) for process, some in times.items()}


def during(samples: Sequence[Sample], processes: int) -> tuple[Measured, str]:
    """How many times as slow the machine was at the end of a run as at its start, and a sentence when it
    surely drifted by more than 10 %, else "".

    The first `processes` of the anchor are those at the start.
    """
    times = of_processes(samples)
    start = [time for process, time in times.items() if process < processes]
    end = [time for process, time in times.items() if process >= processes]
    contrast = compare(end, start)
    if contrast is None:
        return Missing(missing="the anchor was not timed both at the start and at the end of the run"), ""
    n = sum(one.scenario == ANCHOR_SCENARIO for one in samples)
    how = (
        "time of the same image requests to glimpse on llama.cpp at the end of the run / at its start; "
        f"{len(end)} and {len(start)} {PROCESSES}"
    )
    found = figure(ratio(contrast), n, "times", how)
    if contrast.p >= SURE or 1 / DRIFT <= found.value <= DRIFT:
        return found, ""
    return found, f"drift: at the end of the run the machine took {words(contrast)} for the same work"


def compare(now: Sequence[float], then: Sequence[float]) -> Contrast | None:
    """The anchor's times now against those then, one for each process; None when there are too few."""
    with suppress(TooFew):
        return over_processes.compare(now, then, side_by_side=False)
    return None


def ratio(contrast: Contrast) -> tuple[float, float, float]:
    """Value, low and high of a difference of logarithms as a ratio."""
    return math.exp(contrast.value), math.exp(contrast.low), math.exp(contrast.high)


def words(contrast: Contrast) -> str:
    """`1.23 times as long (1.15 to 1.31)`."""
    value, low, high = ratio(contrast)
    return f"{value:.2f} times as long ({low:.2f} to {high:.2f})"
