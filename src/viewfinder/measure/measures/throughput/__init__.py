"""What one server process gives to several clients at once."""

from collections.abc import Sequence

from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import Measure, Row, Table, Writer
from viewfinder.measure.measures.throughput import ask, find, page
from viewfinder.measure.measures.throughput.counts import COUNTS, ThroughputCounts
from viewfinder.measure.measures.throughput.result import Throughput
from viewfinder.measure.process_log import ProcessLog, Series
from viewfinder.measure.subject import Subject


class ThroughputMeasure(Measure[ThroughputCounts, Throughput]):
    """Closed and open loops, on several processes."""

    name = "throughput"
    counts = COUNTS
    result = Throughput
    needs = frozenset({"own_process", "vision"})
    timed = True
    method = page.METHOD

    def processes(self, counts: ThroughputCounts) -> int:
        return counts.processes

    def steps(self, counts: ThroughputCounts, nth: int) -> int:
        return ask.steps(counts)

    async def ask(self, subject: Subject, counts: ThroughputCounts, nth: int) -> Series:
        return await ask.all_levels(subject, counts, nth)

    def find(self, logs: Sequence[ProcessLog], counts: ThroughputCounts, variant: Variant) -> Throughput:
        return find.throughput(logs)

    def rows(self, found: Throughput | Missing, write: Writer) -> list[Row]:
        return page.rows(found, write)

    def section(self, result: Throughput, write: Writer) -> list[Table]:
        return page.section(result, write)


MEASURE = ThroughputMeasure()
