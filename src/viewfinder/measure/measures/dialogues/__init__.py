"""What a model keeps of an image over a dialogue; on one process. A dialogue can be continued on any other,
for every turn sends the whole history."""

from viewfinder.measure.measures.base import Measure, RightAnswers
from viewfinder.measure.measures.dialogues import ask, find, page
from viewfinder.measure.measures.dialogues.counts import COUNTS
from viewfinder.measure.measures.dialogues.find import FACTS_KEPT
from viewfinder.measure.measures.dialogues.result import Dialogues

__all__ = ["FACTS_KEPT", "MEASURE"]

MEASURE = Measure(
    name="dialogues",
    counts=COUNTS,
    result=Dialogues,
    needs=frozenset({"own_process", "vision", "sight"}),
    ask=ask.hold_dialogues,
    find=find.dialogues,
    steps=lambda counts, nth: counts.dialogues * ask.REQUESTS,
    processes=lambda counts: min(1, counts.dialogues),
    resumable=True,
    rows=page.rows,
    method=page.METHOD,
    facts=find.facts,
    absent="the suite holds no dialogues",
    samples={FACTS_KEPT: RightAnswers(find.facts_kept)},
)
