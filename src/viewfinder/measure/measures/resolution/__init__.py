"""The savings and the cost of a smaller image. Where the image budget is an option of the engine, the
processes start with different options."""

from viewfinder.measure.measures.base import Measure
from viewfinder.measure.measures.resolution import ask, find, page
from viewfinder.measure.measures.resolution.counts import COUNTS
from viewfinder.measure.measures.resolution.result import Resolution

MEASURE = Measure(
    name="resolution",
    counts=COUNTS,
    result=Resolution,
    needs=frozenset({"own_process", "vision", "sight"}),
    ask=ask.all_budgets,
    find=find.resolution,
    steps=ask.steps,
    batches=ask.batches,
    processes=lambda counts: counts.processes,
    engine_settings=ask.engine_settings,
    timed=True,
    rows=page.rows,
    section=page.section,
    method=page.METHOD,
    files=find.files,
)
