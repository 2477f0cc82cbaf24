"""The facts of an image that a model keeps over a dialogue; on one process. A dialogue can be continued on
any other, because every turn sends the whole history."""

from viewfinder.measure.measures.base import Measure, RightAnswers
from viewfinder.measure.measures.dialogues import ask, find, page
from viewfinder.measure.measures.dialogues.counts import COUNTS
from viewfinder.measure.measures.dialogues.result import Dialogues

MEASURE = Measure(
    name="dialogues",
    counts=COUNTS,
    result=Dialogues,
    needs=frozenset({"own_process", "vision", "sight"}),
    ask=ask.hold_dialogues,
    find=find.dialogues,
    steps=lambda counts, nth: counts.dialogues * ask.REQUESTS,
    batches=ask.batches,
    processes=lambda counts: min(1, counts.dialogues),
    resumable=True,
    rows=page.rows,
    method=page.METHOD,
    facts=find.facts,
    absent="the suite has no dialogues",
    samples={find.FACTS_KEPT: RightAnswers(find.facts_kept)},
)
