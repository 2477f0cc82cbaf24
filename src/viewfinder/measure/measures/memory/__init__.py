"""The memory of the server's process tree, from its start to its steady state: read on every timed process
after the measures before it."""

from viewfinder.measure.measures.base import DEPTHS, Measure, NoCounts, ProcessValues
from viewfinder.measure.measures.memory import ask, find, page
from viewfinder.measure.measures.memory.result import MemoryUse

MEASURE = Measure(
    name="memory",
    counts=dict.fromkeys(DEPTHS, NoCounts()),
    result=MemoryUse,
    needs=frozenset({"ours"}),
    ask=ask.read_memory,
    find=find.memory_use,
    steps=lambda counts, nth: 0,
    batches=lambda counts, nth: (),
    rows=page.rows,
    section=page.section,
    method=page.METHOD,
    facts=find.facts,
    files=find.files,
    samples={find.DIFFERENCE: ProcessValues(find.differences, is_timing=False)},
)
