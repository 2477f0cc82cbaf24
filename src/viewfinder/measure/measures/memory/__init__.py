"""How much memory the server's process tree holds: from its start to its steady state, on every timed
process."""

from collections.abc import Mapping, Sequence

from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import Missing, in_unit
from viewfinder.measure.measures.base import Facts, Measure, ProcessValues, Reader, Row, Table, Writer
from viewfinder.measure.measures.memory import find, page
from viewfinder.measure.measures.memory.counts import COUNTS, MemoryCounts
from viewfinder.measure.measures.memory.result import MemoryUse
from viewfinder.measure.process_log import ProcessLog, Series
from viewfinder.measure.subject import Subject

DIFFERENCE = "memory difference"


class MemoryMeasure(Measure[MemoryCounts, MemoryUse]):
    """Asks nothing itself: it reads the memory that the measures before it have left warm."""

    name = "memory"
    counts = COUNTS
    result = MemoryUse
    needs = frozenset({"ours"})
    method = page.METHOD

    def steps(self, counts: MemoryCounts, nth: int) -> int:
        return 0

    async def ask(self, subject: Subject, counts: MemoryCounts, nth: int) -> Series:
        subject.note_memory("steady")
        subject.note_memory("peak")
        return {}

    def find(self, logs: Sequence[ProcessLog], counts: MemoryCounts, variant: Variant) -> MemoryUse:
        return find.memory_use([log.outcome.memory for log in logs])

    def rows(self, found: MemoryUse | Missing, write: Writer) -> list[Row]:
        return page.rows(found, write)

    def section(self, result: MemoryUse, write: Writer) -> list[Table]:
        return page.section(result)

    def facts(self, found: MemoryUse | Missing) -> Facts:
        if isinstance(found, Missing):
            return Facts(figures={DIFFERENCE: found})
        steady = found.phases.get("steady")
        return Facts(
            figures={DIFFERENCE: in_unit(found.difference, "GB")},
            steady_bytes=steady.footprint_bytes if steady else 0,
        )

    def samples(self) -> Mapping[str, Reader]:
        return {DIFFERENCE: ProcessValues(find.differences, is_timing=False)}


MEASURE = MemoryMeasure()
