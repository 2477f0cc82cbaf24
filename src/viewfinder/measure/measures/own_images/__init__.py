"""Questions about the user's own images, with the user's own answers."""

from collections.abc import Mapping, Sequence
from functools import partial

from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import Facts, Measure, Reader, RightAnswers, Row, Writer
from viewfinder.measure.measures.own_images import ask, find, page
from viewfinder.measure.measures.own_images.counts import COUNTS, OwnImagesCounts
from viewfinder.measure.measures.own_images.result import OwnImages
from viewfinder.measure.measures.own_images.score import SCENARIO
from viewfinder.measure.metrics import right_answers
from viewfinder.measure.process_log import ProcessLog, Series
from viewfinder.measure.subject import Subject

OWN_QUESTIONS = "right answers to your own questions"


class OwnImagesMeasure(Measure[OwnImagesCounts, OwnImages]):
    """Part of a run for which the user names a folder."""

    name = "own_images"
    counts = COUNTS
    result = OwnImages
    needs = frozenset({"own_process", "vision"})
    resumable = True
    absent = "none were asked"

    def processes(self, counts: OwnImagesCounts) -> int:
        return 1 if counts.folder else 0

    def steps(self, counts: OwnImagesCounts, nth: int) -> int:
        return counts.questions

    async def ask(self, subject: Subject, counts: OwnImagesCounts, nth: int) -> Series:
        await ask.own_questions(subject, counts)
        return {}

    def find(
        self, logs: Sequence[ProcessLog], counts: OwnImagesCounts, variant: Variant
    ) -> OwnImages | Missing:
        return find.judge(logs, counts)

    def rows(self, found: OwnImages | Missing, write: Writer) -> list[Row]:
        return page.rows(found, write)

    def facts(self, found: OwnImages | Missing) -> Facts:
        return Facts(figures={OWN_QUESTIONS: found if isinstance(found, Missing) else found.accuracy})

    def samples(self) -> Mapping[str, Reader]:
        return {OWN_QUESTIONS: RightAnswers(partial(right_answers, SCENARIO))}


MEASURE = OwnImagesMeasure()
