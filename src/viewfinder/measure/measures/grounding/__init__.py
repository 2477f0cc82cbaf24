"""How well the boxes that a model gives fit: one shape of a scene each. Asked only of variants whose card
says in which style they write boxes; `wire/coordinates` reads them, as for a request."""

from viewfinder.measure.measures.base import Measure
from viewfinder.measure.measures.grounding import ask, find, page
from viewfinder.measure.measures.grounding.counts import COUNTS
from viewfinder.measure.measures.grounding.result import Grounding

MEASURE = Measure(
    name="grounding",
    counts=COUNTS,
    result=Grounding,
    needs=frozenset({"own_process", "vision", "sight", "boxes"}),
    ask=ask.where_each_is,
    find=find.grounding,
    steps=ask.steps,
    batches=ask.batches,
    engine_settings=ask.engine_settings,
    resumable=True,
    rows=page.rows,
    method=page.METHOD,
)
