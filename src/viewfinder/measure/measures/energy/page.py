"""How energy reads in the guide."""

from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import Row, Timing
from viewfinder.measure.measures.energy.result import Energy

METHOD = (
    "**Energy** is that of the whole computer while it answers questions about new images back to back: "
    "processors and memory by RAPL, NVIDIA cards by NVML, divided by the right answers.",
)


def rows(found: Energy | Missing) -> list[Row]:
    title = "Energy for each right answer (J)"
    if isinstance(found, Missing):
        return [(title, Timing(found))]
    return [(title, Timing(found.per_right)), ("Power while it answers (W)", Timing(found.power))]
