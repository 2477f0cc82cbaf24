"""How long requests take when the server is warm, one at a time; on every timed process."""

from collections.abc import Mapping, Sequence
from functools import partial

from viewfinder.catalog.card import Variant
from viewfinder.measure import metrics
from viewfinder.measure.figures import Missing, in_unit
from viewfinder.measure.measures.base import Facts, Measure, ProcessValues, Reader, Row, Table, Writer
from viewfinder.measure.measures.latency import ask, find, page
from viewfinder.measure.measures.latency.counts import COUNTS, LatencyCounts
from viewfinder.measure.measures.latency.result import Latency, RequestTimes
from viewfinder.measure.process_log import ProcessLog, Series
from viewfinder.measure.subject import Subject
from viewfinder.measure.warm_up import IMAGES, TEXTS

INFERENCE = "average inference"
SHOWN_IN = {
    INFERENCE: "s",
    "time to first token, image": "ms",
    "time to first token, text": "ms",
    "decode speed": "tokens/s",
}
"""Unit of each headline figure that is compared."""


class LatencyMeasure(Measure[LatencyCounts, Latency]):
    """The second measure of every timed process."""

    name = "latency"
    counts = COUNTS
    result = Latency
    timed = True
    method = page.METHOD

    def steps(self, counts: LatencyCounts, nth: int) -> int:
        timed = counts.images + counts.texts + counts.short + counts.repeats
        return TEXTS + IMAGES + bool(counts.repeats) + timed

    async def ask(self, subject: Subject, counts: LatencyCounts, nth: int) -> Series:
        await ask.timed_requests(subject, counts)
        return {}

    def find(self, logs: Sequence[ProcessLog], counts: LatencyCounts, variant: Variant) -> Latency:
        return find.latency(logs, variant)

    def disturbed(self, log: ProcessLog) -> str:
        timed = log.exchanges("images") or log.exchanges("texts")
        return super().disturbed(log) or metrics.slowdown(timed)

    def rows(self, found: Latency | Missing, write: Writer) -> list[Row]:
        return page.rows(found, write)

    def section(self, result: Latency, write: Writer) -> list[Table]:
        return page.section(result, write)

    def facts(self, found: Latency | Missing) -> Facts:
        headline = page.headline(found)
        figures = {name: in_unit(headline[name], unit) for name, unit in SHOWN_IN.items()}
        if isinstance(found, Missing):
            return Facts(figures=figures)
        kinds = [one for one in (found.images, found.texts) if isinstance(one, RequestTimes)]
        return Facts(
            figures=figures,
            issues=found.failures,
            disturbances=(found.drift,) if found.drift else (),
            failed=sum(one.failed or 0 for one in kinds),
            timed=sum(one.asked or 0 for one in kinds),
        )

    def samples(self) -> Mapping[str, Reader]:
        return {
            INFERENCE: ProcessValues(partial(find.typical_times, "images", find.e2e_s)),
            "time to first token, image": ProcessValues(partial(find.typical_times, "images", find.ttft_s)),
            "time to first token, text": ProcessValues(partial(find.typical_times, "texts", find.ttft_s)),
            "decode speed": ProcessValues(find.decode_speeds, higher_is_better=True),
        }


MEASURE = LatencyMeasure()
