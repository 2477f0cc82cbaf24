"""Questions about the user's own images, with the user's own answers; measured when the user gives a run a
folder."""

from functools import partial

from viewfinder.measure.forecast import Batch
from viewfinder.measure.measures.base import Measure, RightAnswers
from viewfinder.measure.measures.own_images import ask, find, page
from viewfinder.measure.measures.own_images.counts import COUNTS
from viewfinder.measure.measures.own_images.result import OwnImages
from viewfinder.measure.measures.own_images.score import VQA
from viewfinder.measure.metrics import right_answers

MEASURE = Measure(
    name="own_images",
    counts=COUNTS,
    result=OwnImages,
    needs=frozenset({"own_process", "vision"}),
    ask=ask.own_questions,
    find=find.own_images,
    steps=lambda counts, nth: counts.questions + 2 * counts.decisions,
    batches=lambda counts, nth: [
        Batch(counts.questions + 2 * counts.decisions, "image", counts.least, counts.budget_s)
    ],
    processes=lambda counts: 1 if counts.folder else 0,
    resumable=True,
    rows=page.rows,
    section=page.section,
    files=find.files,
    facts=find.facts,
    absent="none were asked",
    samples={find.OWN_QUESTIONS: RightAnswers(partial(right_answers, VQA))},
)
