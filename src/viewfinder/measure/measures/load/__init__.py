"""How long a model takes to load: on every timed process, and with its files read from the disk."""

from viewfinder.measure.measures.base import DEPTHS, Measure, NoCounts, ProcessValues
from viewfinder.measure.measures.load import ask, find, page
from viewfinder.measure.measures.load.counts import COUNTS
from viewfinder.measure.measures.load.result import LoadTimes

MEASURE = Measure(
    name="load",
    counts=dict.fromkeys(DEPTHS, NoCounts()),
    result=LoadTimes,
    needs=frozenset({"ours"}),
    ask=ask.fresh_start,
    find=find.load,
    steps=lambda counts, nth: ask.TRIES,
    batches=ask.batches,
    rows=page.rows,
    method=page.METHOD,
    facts=find.facts,
    samples={find.LOAD_TIME: ProcessValues(find.first_correct)},
)
COLD = Measure(
    name="cold_load",
    counts=COUNTS,
    result=LoadTimes,
    needs=frozenset({"own_process", "ours"}),
    ask=ask.cold_starts,
    find=find.cold_load,
    steps=lambda counts, nth: counts.starts * ask.TRIES,
    batches=ask.cold_batches,
    processes=lambda counts: min(1, counts.starts),
    unable=ask.cannot_drop,
    rows=page.cold_rows,
    method=page.COLD_METHOD,
)
