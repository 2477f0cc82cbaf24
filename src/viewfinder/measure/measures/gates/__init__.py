"""Known-answer questions: does it see, does it read, does it answer a later question about an image?"""

from collections.abc import Mapping, Sequence
from functools import partial

from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import Facts, Measure, Reader, RightAnswers, Row, Writer
from viewfinder.measure.measures.gates import ask, page
from viewfinder.measure.measures.gates.counts import COUNTS, GateCounts
from viewfinder.measure.measures.gates.find import DONE, gates, share_of
from viewfinder.measure.measures.gates.result import Gates
from viewfinder.measure.metrics import right_answers
from viewfinder.measure.process_log import ProcessLog, Series
from viewfinder.measure.subject import Subject

IMAGE_ANSWERS = "right image answers"
FOLLOW_UPS = "right follow-up answers"


class GatesMeasure(Measure[GateCounts, Gates]):
    """The first process of every model; a budget's further processes are asked more image questions."""

    name = "gates"
    counts = COUNTS
    result = Gates
    needs = frozenset({"own_process"})
    resumable = True
    required = True
    has_phases = True
    method = page.METHOD

    def steps(self, counts: GateCounts, nth: int) -> int:
        return counts.vision if nth else counts.text + counts.vision + counts.follow_up * ask.TURNS

    async def ask(self, subject: Subject, counts: GateCounts, nth: int) -> Series:
        if nth:
            subject.begin("more image questions", counts.vision)
            await ask.more_vision(subject, counts, nth)
            return {}
        subject.begin("text questions", counts.text)
        await ask.text(subject, counts)
        subject.noted[f"text {DONE}"].append(1.0)
        if subject.server.variant.vision:
            subject.begin("image questions", counts.vision)
            await ask.vision(subject, counts)
            subject.noted[f"vision {DONE}"].append(1.0)
            subject.begin("conversations", counts.follow_up * ask.TURNS)
            await ask.follow_up(subject, counts)
            subject.noted[f"follow-up {DONE}"].append(1.0)
        return {}

    def find(self, logs: Sequence[ProcessLog], counts: GateCounts, variant: Variant) -> Gates:
        return gates(next(log for log in logs if not log.nth), variant)

    def rows(self, found: Gates | Missing, write: Writer) -> list[Row]:
        return page.rows(found, write)

    def facts(self, found: Gates | Missing) -> Facts:
        each = Gates(vision=found, text=found, follow_up=found) if isinstance(found, Missing) else found
        return Facts(
            gates=dict(each),
            figures={
                IMAGE_ANSWERS: share_of(each.vision),
                "right text answers": share_of(each.text),
                FOLLOW_UPS: share_of(each.follow_up),
            },
        )

    def samples(self) -> Mapping[str, Reader]:
        return {
            IMAGE_ANSWERS: RightAnswers(partial(right_answers, "vision")),
            "right text answers": RightAnswers(partial(right_answers, "text")),
            FOLLOW_UPS: RightAnswers(partial(right_answers, "follow-up", last_only=True)),
        }


MEASURE = GatesMeasure()
