"""All measures by name, built in or from entry points; called by `suite`, `session`, `results`, `compare` and
the report.

A third party adds a measure by an entry point of the group `viewfinder.measures` that names a `base.Measure`.
"""

import functools
from importlib.metadata import entry_points
from typing import Any

from viewfinder.measure.measures import (
    dialogues,
    gates,
    latency,
    load,
    memory,
    own_images,
    resolution,
    soak,
    stability,
    throughput,
)
from viewfinder.measure.measures.base import Measure

_GROUP = "viewfinder.measures"
AnyMeasure = Measure[Any, Any]

BUILT_IN: tuple[AnyMeasure, ...] = (
    gates.MEASURE,
    load.MEASURE,
    latency.MEASURE,
    memory.MEASURE,
    load.COLD,
    throughput.MEASURE,
    resolution.MEASURE,
    dialogues.MEASURE,
    stability.MEASURE,
    soak.MEASURE,
    own_images.MEASURE,
)
"""In the order in which a run measures them and the guide prints them."""


@functools.cache
def measures() -> dict[str, AnyMeasure]:
    """Every known measure; a third party's cannot take the name of a built-in one."""
    known = {measure.name: measure for measure in BUILT_IN}
    for point in sorted(entry_points(group=_GROUP), key=lambda point: point.name):
        measure: AnyMeasure = point.load()
        known.setdefault(measure.name, measure)
    return known
