"""Many requests in a row: does the server's memory grow, does it become slower, does it forget?"""

from collections.abc import Sequence

from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import Facts, Measure, MemoryTrend, Row, Writer
from viewfinder.measure.measures.soak import ask, find, page
from viewfinder.measure.measures.soak.counts import COUNTS, SoakCounts
from viewfinder.measure.measures.soak.result import Growth, Soak
from viewfinder.measure.process_log import ProcessLog, Series
from viewfinder.measure.subject import Subject
from viewfinder.measure.troubles.trouble import corruption_in


class SoakMeasure(Measure[SoakCounts, Soak]):
    """All of it on one process."""

    name = "soak"
    counts = COUNTS
    result = Soak
    needs = frozenset({"own_process", "vision"})
    method = page.METHOD

    def processes(self, counts: SoakCounts) -> int:
        return min(1, counts.requests)

    def steps(self, counts: SoakCounts, nth: int) -> int:
        return ask.steps(counts)

    async def ask(self, subject: Subject, counts: SoakCounts, nth: int) -> Series:
        await ask.soak(subject, counts)
        return {}

    def find(self, logs: Sequence[ProcessLog], counts: SoakCounts, variant: Variant) -> Soak:
        return find.judge(logs[0])

    def rows(self, found: Soak | Missing, write: Writer) -> list[Row]:
        return page.rows(found, write)

    def facts(self, found: Soak | Missing) -> Facts:
        if isinstance(found, Missing):
            return Facts()
        growth = found.growth
        return Facts(
            issues=found.issues,
            corruption=corruption_in(found.troubles),
            trend=_trend(growth) if isinstance(growth, Growth) else None,
        )


def _trend(growth: Growth) -> MemoryTrend:
    return MemoryTrend(
        growth.kind,
        is_sound=growth.kind in ("flat", "plateau"),
        least_bytes=growth.slope.low * 1e6 if growth.kind == "leak" else 0.0,
    )


MEASURE = SoakMeasure()
