"""How long requests take when the server is warm, one at a time; on every timed process."""

from functools import partial

from viewfinder.measure.measures.base import Measure, ProcessValues
from viewfinder.measure.measures.latency import ask, find, page
from viewfinder.measure.measures.latency.counts import COUNTS
from viewfinder.measure.measures.latency.result import Latency
from viewfinder.measure.metrics import E2E_S, TTFT_S

MEASURE = Measure(
    name="latency",
    counts=COUNTS,
    result=Latency,
    ask=ask.timed_requests,
    find=find.latency,
    steps=ask.steps,
    batches=ask.batches,
    timed=True,
    disturbed=find.disturbed,
    rows=page.rows,
    section=page.section,
    method=page.METHOD,
    facts=find.facts,
    files=find.files,
    samples={
        find.INFERENCE: ProcessValues(partial(find.typical_times, "images", E2E_S)),
        find.TTFT_IMAGE: ProcessValues(partial(find.typical_times, "images", TTFT_S)),
        find.TTFT_TEXT: ProcessValues(partial(find.typical_times, "texts", TTFT_S)),
        find.DECODE: ProcessValues(find.decode_speeds, higher_is_better=True),
    },
)
