"""How many answers one server process gives to several clients at once, and how long they wait."""

from viewfinder.measure.measures.base import Measure
from viewfinder.measure.measures.throughput import ask, find, page
from viewfinder.measure.measures.throughput.counts import COUNTS
from viewfinder.measure.measures.throughput.result import Throughput

MEASURE = Measure(
    name="throughput",
    counts=COUNTS,
    result=Throughput,
    needs=frozenset({"own_process", "vision"}),
    ask=ask.all_levels,
    find=find.throughput,
    steps=ask.steps,
    batches=ask.batches,
    processes=lambda counts: counts.processes,
    timed=True,
    rows=page.rows,
    section=page.section,
    method=page.METHOD,
)
