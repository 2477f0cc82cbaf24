"""How true the probabilities of a model's decisions are, and the calibration that makes them so."""

from viewfinder.measure.measures.base import Measure
from viewfinder.measure.measures.decisions import ask, find, page
from viewfinder.measure.measures.decisions.counts import COUNTS
from viewfinder.measure.measures.decisions.result import DecisionsResult

MEASURE = Measure(
    name="decisions",
    counts=COUNTS,
    result=DecisionsResult,
    needs=frozenset({"own_process", "vision", "sight"}),
    ask=ask.all_questions_put,
    find=find.decisions,
    steps=ask.steps,
    batches=ask.batches,
    resumable=True,
    rows=page.rows,
    section=page.section,
    method=page.METHOD,
    files=find.files,
)
