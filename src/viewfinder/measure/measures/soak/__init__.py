"""Many requests in a row on one process: does the server's memory grow, does it become slower, do its answers
change?"""

from viewfinder.measure.measures.base import Measure
from viewfinder.measure.measures.soak import ask, find, page
from viewfinder.measure.measures.soak.counts import COUNTS
from viewfinder.measure.measures.soak.result import Soak

MEASURE = Measure(
    name="soak",
    counts=COUNTS,
    result=Soak,
    needs=frozenset({"own_process", "vision"}),
    ask=ask.soak,
    find=find.soak,
    steps=ask.steps,
    batches=ask.batches,
    processes=lambda counts: min(1, counts.requests),
    rows=page.rows,
    method=page.METHOD,
    facts=find.facts,
)
