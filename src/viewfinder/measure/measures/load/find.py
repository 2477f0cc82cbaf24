"""From the stamps of fresh starts to load times; pure."""

from collections.abc import Mapping, Sequence

from viewfinder.catalog.card import Variant
from viewfinder.measure import metrics
from viewfinder.measure.figures import NO_VISION, Measured, Missing, in_unit
from viewfinder.measure.measures.base import Facts, NoCounts
from viewfinder.measure.measures.load.ask import LOAD_PREFIX, LOAD_STAMPS
from viewfinder.measure.measures.load.counts import ColdCounts
from viewfinder.measure.measures.load.result import LoadTimes
from viewfinder.measure.process_log import ProcessLog

LOAD_TIME = "load time"
Starts = Sequence[Mapping[str, float]]
"""The stamps that each start reached, by name."""


def load_times(starts: Starts, *, vision: bool, files: str = "in the page cache") -> LoadTimes:
    """The stamps of fresh starts together; `files` says where the model's files were."""

    def stamp(name: str) -> Measured:
        known, n, until = [start[name] for start in starts if name in start], len(starts), LOAD_STAMPS[name]
        if len(known) < n:
            return Missing(missing=f"{n - len(known)} of {n} starts never reached {until}")
        how = f"{metrics.TYPICAL} of {n} fresh starts, files {files}; process start to {until}"
        return metrics.typical(known, n, "s", how)

    times = {name.removesuffix("_s"): stamp(name) for name in LOAD_STAMPS}
    return LoadTimes(**times if vision else {**times, "first_correct": NO_VISION})


def load(logs: Sequence[ProcessLog], counts: NoCounts, variant: Variant) -> LoadTimes:
    """The load times of the processes that the timed measures share."""
    starts = [
        {name: log.series[kept][0] for name in LOAD_STAMPS if (kept := LOAD_PREFIX + name) in log.series}
        for log in logs
    ]
    return load_times(starts, vision=variant.vision)


def facts(found: LoadTimes | Missing) -> Facts:
    measured = found if isinstance(found, Missing) else in_unit(found.first_correct, "s")
    return Facts(figures={LOAD_TIME: measured})


def first_correct(logs: Sequence[ProcessLog]) -> dict[int, float]:
    """Seconds to the first correct image answer, by process."""
    name = f"{LOAD_PREFIX}first_correct_s"
    return {log.number: log.series[name][0] for log in logs if log.samples and name in log.series}


def cold_load(logs: Sequence[ProcessLog], counts: ColdCounts, variant: Variant) -> LoadTimes | Missing:
    """The load times with the files out of the page cache."""
    series = logs[0].series
    if not series:
        return Missing(missing=logs[0].broke_off)
    if not series["ready_s"]:
        return Missing(
            missing=f"{series['kept'][-1] / 1e6:.1f} MB of the model's files stayed in memory: another "
            "process maps them, they lie on a file system in memory, or they are another user's"
        )
    starts = [
        {name: series[name][start] for name in LOAD_STAMPS if start < len(series[name])}
        for start in range(len(series["ready_s"]))
    ]
    files = "out of the page cache (posix_fadvise, proven by mincore)"
    return load_times(starts, vision=variant.vision, files=files)
