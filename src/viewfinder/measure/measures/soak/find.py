"""From the answers and readings of many requests in a row to the trends of memory, time and answers; pure."""

import math
from collections.abc import Iterator, Sequence

from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import NOT_OURS, Measured, Missing
from viewfinder.measure.measures.base import Facts, MemoryTrend
from viewfinder.measure.measures.soak import growth
from viewfinder.measure.measures.soak.ask import CANARY, DESCRIPTORS, FOOTPRINT, NEW, SAME, THREADS
from viewfinder.measure.measures.soak.counts import SoakCounts
from viewfinder.measure.measures.soak.growth import per_request
from viewfinder.measure.measures.soak.result import Growth, Soak
from viewfinder.measure.metrics import answered
from viewfinder.measure.process_log import ProcessLog, Series
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.troubles import failures
from viewfinder.measure.troubles.pictures import are_same
from viewfinder.measure.troubles.trouble import Code, Trouble, corruption_in

_TREND_REQUESTS = 100
"""The trend of times is given over this number of requests."""


def soak(logs: Sequence[ProcessLog], counts: SoakCounts, variant: Variant) -> Soak:
    log = logs[0]
    samples, series = log.samples, log.series
    new, same = (series.get(f"{phase}/{FOOTPRINT}", ()) for phase in (NEW, SAME))
    grown: Growth | Missing = NOT_OURS
    if series or log.broke_off:
        grown = growth.judge(new, same)
    canaries, drifted = _canaries(log.of(CANARY))
    missed = sum(failures.code_of(one.exchange) is not None for one in samples)
    times = [math.log(one.exchange.e2e_s) for one in log.of(NEW) if answered(one.exchange)]
    return Soak(
        requests=len(samples),
        failures=failures.rate(missed, len(samples)),
        canaries=failures.rate(len(drifted), canaries),
        growth=grown,
        latency=_percent(per_request(times, "", "growth of the time of a whole request")),
        descriptors=_counted(series, DESCRIPTORS, "open descriptors"),
        threads=_counted(series, THREADS, "threads"),
        troubles=(*_leak(grown), *_drift(drifted, canaries), *failures.failures(samples)),
        footprints=growth.ranges(new),
        same_image=growth.ranges(same),
    )


def facts(found: Soak | Missing) -> Facts:
    if isinstance(found, Missing):
        return Facts()
    trend, grown = None, found.growth
    if isinstance(grown, Growth):
        least_bytes = grown.slope.low * growth.MB if grown.kind == "leak" else 0.0
        trend = MemoryTrend(grown.kind, grown.kind in ("flat", "plateau"), least_bytes)
    return Facts(issues=found.issues, corruption=corruption_in(found.troubles), trend=trend)


def _canaries(samples: Sequence[Sample]) -> tuple[int, list[tuple[Sample, Sample]]]:
    """The number of answers to canaries after the first one, and those that changed, each after the first."""
    first: dict[str, Sample] = {}
    again = 0
    drifted = []
    for one in samples:
        if not answered(one.exchange):
            continue
        before = first.setdefault(one.scene, one)
        again += before is not one
        if not one.right and not are_same(before.exchange.text, one.exchange.text):
            drifted.append((before, one))
    return again, drifted


def _drift(drifted: Sequence[tuple[Sample, Sample]], canaries: int) -> Iterator[Trouble]:
    for before, one in drifted[:1]:
        how_often = failures.rate(len(drifted), canaries)
        yield failures.trouble(Code.CANARY_DRIFT, how_often, [one], expected=before.exchange.text)


def _leak(grown: Growth | Missing) -> Iterator[Trouble]:
    if isinstance(grown, Growth) and grown.kind == "leak":
        yield Trouble(
            code=Code.LEAK,
            said=f"memory grows by {grown.slope.value:.2f} MB a request "
            f"({grown.slope.low:.2f} to {grown.slope.high:.2f}), to the end",
        )


def _counted(series: Series, name: str, what: str) -> Measured:
    return per_request(series.get(f"{NEW}/{name}", ()), f"{what} a request", f"growth of the {what}")


def _percent(slope: Measured) -> Measured:
    """A slope of logarithms as percent over a hundred requests."""
    if isinstance(slope, Missing):
        return slope
    each = (slope.value, slope.low, slope.high)
    value, low, high = (100 * math.expm1(_TREND_REQUESTS * one) for one in each)
    unit = f"% in {_TREND_REQUESTS} requests"
    return slope.model_copy(update={"value": value, "low": low, "high": high, "unit": unit})
