"""Whether a model keeps answering as a fresh process does: mix-ups of images, repeats, failures."""

from viewfinder.measure.measures.base import Measure
from viewfinder.measure.measures.stability import ask, find, page, reproducer
from viewfinder.measure.measures.stability.counts import COUNTS
from viewfinder.measure.measures.stability.result import Stability

MEASURE = Measure(
    name="stability",
    counts=COUNTS,
    result=Stability,
    needs=frozenset({"own_process", "vision"}),
    ask=ask.ask_nth,
    find=find.stability,
    steps=ask.steps,
    batches=ask.batches,
    processes=lambda counts: counts.references + 2 if counts.references else 0,
    rows=page.rows,
    method=page.METHOD,
    facts=find.facts,
    files=reproducer.files,
)
