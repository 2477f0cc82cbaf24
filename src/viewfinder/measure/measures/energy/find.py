"""From energy readings and graded answers to joules for each right answer; pure."""

from collections.abc import Sequence

from viewfinder.catalog.card import Variant
from viewfinder.measure import metrics
from viewfinder.measure.figures import Measured, Missing
from viewfinder.measure.measures.energy.ask import JOULES, SCENARIO, SECONDS
from viewfinder.measure.measures.energy.counts import EnergyCounts
from viewfinder.measure.measures.energy.result import Energy
from viewfinder.measure.process_log import ProcessLog


def energy(logs: Sequence[ProcessLog], counts: EnergyCounts, variant: Variant) -> Energy | Missing:
    read = [log for log in logs if log.series.get(SECONDS)]
    if not read:
        return Missing(missing="the counters could not be read to the end")
    counters = sorted({name for log in read for name in log.series if name.startswith(JOULES)})
    joules = [sum(sum(log.series.get(name, ())) for name in counters) for log in read]
    if min(joules) <= 0:
        return Missing(missing="the counters did not move")
    names = ", ".join(name.removeprefix(JOULES) for name in counters)
    counted = f"energy of the whole computer ({names}), idle and other programs' share in it"
    seconds = [log.series[SECONDS][0] for log in read]
    how = f"{counted} / seconds of {len(read)} processes"
    power = metrics.ratio(joules, seconds, len(read), "W", how)
    return Energy(per_right=_per_right(read, joules, counted), power=power)


def _per_right(read: Sequence[ProcessLog], joules: Sequence[float], counted: str) -> Measured:
    right = [float(sum(sample.right is True for sample in log.of(SCENARIO))) for log in read]
    if not all(right):
        return Missing(missing="a process gave no right answer")
    asked = sum(len(log.of(SCENARIO)) for log in read)
    how = f"{counted} / right answers to {asked} questions about new images, {len(read)} processes"
    return metrics.ratio(joules, right, asked, "J", how)
