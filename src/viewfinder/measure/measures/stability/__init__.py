"""Whether a model keeps answering as a fresh process does: mix-ups of images, repeats, failures."""

from collections.abc import Mapping, Sequence

from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import About, Facts, Measure, Row, Writer
from viewfinder.measure.measures.stability import ask, find, page, reproducer
from viewfinder.measure.measures.stability.counts import COUNTS, StabilityCounts
from viewfinder.measure.measures.stability.result import Stability
from viewfinder.measure.process_log import ProcessLog, Series
from viewfinder.measure.subject import Subject
from viewfinder.measure.troubles.trouble import Rate, corruption_in


class StabilityMeasure(Measure[StabilityCounts, Stability]):
    """Several processes for the references, one for the walk of pictures, one for repeats and crowds."""

    name = "stability"
    counts = COUNTS
    result = Stability
    needs = frozenset({"own_process", "vision"})

    def processes(self, counts: StabilityCounts) -> int:
        return counts.references + 2 if counts.references else 0

    def steps(self, counts: StabilityCounts, nth: int) -> int:
        return ask.steps(counts, nth)

    async def ask(self, subject: Subject, counts: StabilityCounts, nth: int) -> Series:
        await ask.ask_nth(subject, counts, nth)
        return {}

    def find(self, logs: Sequence[ProcessLog], counts: StabilityCounts, variant: Variant) -> Stability:
        return find.judge([log.samples for log in logs])

    def rows(self, found: Stability | Missing, write: Writer) -> list[Row]:
        return page.rows(found, write)

    def facts(self, found: Stability | Missing) -> Facts:
        if isinstance(found, Missing):
            return Facts()
        corruption = corruption_in(found.troubles)
        if found.recovery in ("needs reload", "lasting"):
            corruption = (*corruption, "after an error its process answers no more")
        mix_ups = found.mix_ups
        return Facts(
            issues=found.issues,
            corruption=corruption,
            leak_requests=mix_ups.asked if isinstance(mix_ups, Rate) else None,
        )

    def files(self, result: Stability, about: About) -> Mapping[str, bytes]:
        return reproducer.files(result.troubles, about)


MEASURE = StabilityMeasure()
