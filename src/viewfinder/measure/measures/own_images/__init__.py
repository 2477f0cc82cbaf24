"""Questions about the user's own images, with the user's own answers; part of a run for which the user names
a folder."""

from functools import partial

from viewfinder.measure.measures.base import Measure, RightAnswers
from viewfinder.measure.measures.own_images import ask, find, page
from viewfinder.measure.measures.own_images.counts import COUNTS
from viewfinder.measure.measures.own_images.find import OWN_QUESTIONS
from viewfinder.measure.measures.own_images.result import OwnImages
from viewfinder.measure.measures.own_images.score import SCENARIO
from viewfinder.measure.metrics import right_answers

__all__ = ["MEASURE", "OWN_QUESTIONS"]

MEASURE = Measure(
    name="own_images",
    counts=COUNTS,
    result=OwnImages,
    needs=frozenset({"own_process", "vision"}),
    ask=ask.own_questions,
    find=find.own_images,
    steps=lambda counts, nth: counts.questions,
    processes=lambda counts: 1 if counts.folder else 0,
    resumable=True,
    rows=page.rows,
    facts=find.facts,
    absent="none were asked",
    samples={OWN_QUESTIONS: RightAnswers(partial(right_answers, SCENARIO))},
)
