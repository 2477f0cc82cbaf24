"""Known-answer questions: does it see, does it read, does it answer a later question about an image?

They go to the first process of every model; the further processes of a run with a budget get more image
questions.
"""

from functools import partial

from viewfinder.measure.measures.base import Measure, RightAnswers
from viewfinder.measure.measures.gates import ask, find, page
from viewfinder.measure.measures.gates.counts import COUNTS
from viewfinder.measure.measures.gates.result import Gates
from viewfinder.measure.metrics import right_answers

MEASURE = Measure(
    name="gates",
    counts=COUNTS,
    result=Gates,
    needs=frozenset({"own_process"}),
    ask=ask.gates,
    find=find.gates,
    steps=ask.steps,
    batches=ask.batches,
    resumable=True,
    required=True,
    has_phases=True,
    rows=page.rows,
    method=page.METHOD,
    facts=find.facts,
    samples={
        find.IMAGE_ANSWERS: RightAnswers(partial(right_answers, "vision")),
        find.TEXT_ANSWERS: RightAnswers(partial(right_answers, "text")),
        find.FOLLOW_UPS: RightAnswers(partial(right_answers, "follow-up", last_only=True)),
    },
)
