"""How much energy a right answer about an image takes; on every timed process."""

from viewfinder.measure.measures.base import Measure
from viewfinder.measure.measures.energy import ask, find, page
from viewfinder.measure.measures.energy.counts import COUNTS
from viewfinder.measure.measures.energy.result import Energy

MEASURE = Measure(
    name="energy",
    counts=COUNTS,
    result=Energy,
    needs=frozenset({"vision", "ours"}),
    ask=ask.counted_requests,
    find=find.energy,
    steps=lambda counts, nth: counts.questions,
    unable=ask.cannot_count,
    timed=True,
    rows=page.rows,
    method=page.METHOD,
)
