"""What a smaller image saves and costs."""

from collections.abc import Sequence

from viewfinder.catalog.card import Variant
from viewfinder.core.config import EngineSettings
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import Measure, Row, Table, Writer
from viewfinder.measure.measures.resolution import ask, find, page
from viewfinder.measure.measures.resolution.counts import COUNTS, ResolutionCounts
from viewfinder.measure.measures.resolution.result import Resolution
from viewfinder.measure.process_log import ProcessLog, Series
from viewfinder.measure.subject import Subject


class ResolutionMeasure(Measure[ResolutionCounts, Resolution]):
    """Where an image budget is an option of the engine, its processes do not all start alike."""

    name = "resolution"
    counts = COUNTS
    result = Resolution
    needs = frozenset({"own_process", "vision", "sight"})
    timed = True
    method = page.METHOD

    def processes(self, counts: ResolutionCounts) -> int:
        return counts.processes

    def steps(self, counts: ResolutionCounts, nth: int) -> int:
        return ask.steps(counts)

    def engine_settings(self, settings: EngineSettings, variant: Variant, nth: int) -> EngineSettings:
        if variant.image_lever == "pixels" or not (tokens := ask.tokens_at(variant, nth)):
            return settings
        return settings.model_copy(update={"image_tokens": tokens})

    async def ask(self, subject: Subject, counts: ResolutionCounts, nth: int) -> Series:
        await ask.all_budgets(subject, counts, nth)
        return {}

    def find(self, logs: Sequence[ProcessLog], counts: ResolutionCounts, variant: Variant) -> Resolution:
        return find.resolution(logs)

    def rows(self, found: Resolution | Missing, write: Writer) -> list[Row]:
        return page.rows(found, write)

    def section(self, result: Resolution, write: Writer) -> list[Table]:
        return page.section(result, write)


MEASURE = ResolutionMeasure()
