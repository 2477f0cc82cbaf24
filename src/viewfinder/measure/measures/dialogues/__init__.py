"""What a model keeps of an image over a dialogue."""

from collections.abc import Mapping, Sequence

from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import Facts, Measure, Reader, RightAnswers, Row, Writer
from viewfinder.measure.measures.dialogues import ask, find, page
from viewfinder.measure.measures.dialogues.counts import COUNTS, DialogueCounts
from viewfinder.measure.measures.dialogues.recall import Recall
from viewfinder.measure.measures.dialogues.result import Dialogues
from viewfinder.measure.process_log import ProcessLog, Series
from viewfinder.measure.subject import Subject

FACTS_KEPT = "facts kept in dialogues"


class DialoguesMeasure(Measure[DialogueCounts, Dialogues]):
    """On one process; a dialogue can be continued on any other, for every turn sends the whole history."""

    name = "dialogues"
    counts = COUNTS
    result = Dialogues
    needs = frozenset({"own_process", "vision", "sight"})
    resumable = True
    absent = "the suite holds no dialogues"
    method = page.METHOD

    def processes(self, counts: DialogueCounts) -> int:
        return min(1, counts.dialogues)

    def steps(self, counts: DialogueCounts, nth: int) -> int:
        return counts.dialogues * ask.REQUESTS

    async def ask(self, subject: Subject, counts: DialogueCounts, nth: int) -> Series:
        await ask.hold_dialogues(subject, counts)
        return {}

    def find(self, logs: Sequence[ProcessLog], counts: DialogueCounts, variant: Variant) -> Dialogues:
        broke_off = "; ".join(log.broke_off for log in logs if log.broke_off)
        return find.judge(Recall(one for log in logs for one in log.samples), counts, variant, broke_off)

    def rows(self, found: Dialogues | Missing, write: Writer) -> list[Row]:
        return page.rows(found, write)

    def facts(self, found: Dialogues | Missing) -> Facts:
        return Facts(figures={FACTS_KEPT: found if isinstance(found, Missing) else found.retention})

    def samples(self) -> Mapping[str, Reader]:
        return {FACTS_KEPT: RightAnswers(find.facts_kept)}


MEASURE = DialoguesMeasure()
