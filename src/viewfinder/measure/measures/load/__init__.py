"""How long a model takes to load: on every timed process, and with its files on the disk."""

from collections.abc import Mapping, Sequence

from viewfinder.catalog.card import Variant
from viewfinder.host import page_cache
from viewfinder.measure.figures import Missing, in_unit
from viewfinder.measure.measures.base import Facts, Measure, ProcessValues, Reader, Row, Writer
from viewfinder.measure.measures.load import ask, find, page
from viewfinder.measure.measures.load.counts import COLD_COUNTS, COUNTS, ColdCounts, LoadCounts
from viewfinder.measure.measures.load.result import LoadTimes
from viewfinder.measure.process_log import ProcessLog, Series
from viewfinder.measure.subject import Subject

LOAD_TIME = "load time"
NOT_HERE = Missing(
    missing="this system has no way to empty the page cache of a file and to prove it; "
    "what was measured is the start with the files in memory"
)


class LoadMeasure(Measure[LoadCounts, LoadTimes]):
    """The first measure of every timed process."""

    name = "load"
    counts = COUNTS
    result = LoadTimes
    needs = frozenset({"ours"})
    method = page.METHOD

    def steps(self, counts: LoadCounts, nth: int) -> int:
        return ask.TRIES

    async def ask(self, subject: Subject, counts: LoadCounts, nth: int) -> Series:
        stamps = await ask.first_answers(subject)
        subject.note_memory("first_answer")
        return {f"{find.PREFIX}{name}": (stamp,) for name, stamp in stamps.items()}

    def find(self, logs: Sequence[ProcessLog], counts: LoadCounts, variant: Variant) -> LoadTimes:
        return find.load_times(find.fresh_starts(logs), vision=variant.vision)

    def rows(self, found: LoadTimes | Missing, write: Writer) -> list[Row]:
        return page.rows(found, write)

    def facts(self, found: LoadTimes | Missing) -> Facts:
        measured = found if isinstance(found, Missing) else in_unit(found.first_correct, "s")
        return Facts(figures={LOAD_TIME: measured})

    def samples(self) -> Mapping[str, Reader]:
        return {LOAD_TIME: ProcessValues(find.first_correct)}


class ColdLoadMeasure(Measure[ColdCounts, LoadTimes]):
    """Starts of its own: the process that it is given is stopped at once."""

    name = "cold_load"
    counts = COLD_COUNTS
    result = LoadTimes
    needs = frozenset({"own_process", "ours"})
    method = page.COLD_METHOD

    def skip_reason(self, variant: Variant) -> Missing | None:
        return super().skip_reason(variant) or (None if page_cache.CAN_DROP else NOT_HERE)

    def processes(self, counts: ColdCounts) -> int:
        return min(1, counts.starts)

    def steps(self, counts: ColdCounts, nth: int) -> int:
        return counts.starts * ask.TRIES

    async def ask(self, subject: Subject, counts: ColdCounts, nth: int) -> Series:
        return await ask.cold_starts(subject, counts, self.name)

    def find(self, logs: Sequence[ProcessLog], counts: ColdCounts, variant: Variant) -> LoadTimes | Missing:
        return find.cold_load(logs[0], vision=variant.vision)

    def rows(self, found: LoadTimes | Missing, write: Writer) -> list[Row]:
        return page.cold_rows(found, write)


MEASURE = LoadMeasure()
COLD = ColdLoadMeasure()
