"""All measures by name, built in or from entry points; called by `suite`, `session`, `results`, `compare` and
the report.

A third party adds a measure by an entry point of the group `viewfinder.measures` that names a `base.Measure`.
"""

import functools
from contextlib import suppress
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from viewfinder.core.errors import ViewfinderError
from viewfinder.core.plugins import load_plugin
from viewfinder.measure.measures import (
    decisions,
    dialogues,
    energy,
    gates,
    grounding,
    latency,
    load,
    memory,
    own_images,
    resolution,
    soak,
    stability,
    throughput,
    video,
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
    energy.MEASURE,
    throughput.MEASURE,
    resolution.MEASURE,
    dialogues.MEASURE,
    decisions.MEASURE,
    video.MEASURE,
    grounding.MEASURE,
    stability.MEASURE,
    soak.MEASURE,
    own_images.MEASURE,
)
"""In the order in which a run measures them and the guide prints them."""


@functools.cache
def measures() -> dict[str, AnyMeasure]:
    """Every measure that can be loaded; a third party's cannot take the name of a built-in one."""
    known = {measure.name: measure for measure in BUILT_IN}
    for point in _third_parties():
        with suppress(ViewfinderError):  # what reads results must not fail for it; `bench` reports it
            measure: AnyMeasure = load_plugin(point)
            known.setdefault(measure.name, measure)
    return known


def require_loadable() -> None:
    """Raise ViewfinderError for a third party's measure that cannot be loaded; called before a run."""
    for point in _third_parties():
        load_plugin(point)


def _third_parties() -> list[EntryPoint]:
    return sorted(entry_points(group=_GROUP), key=lambda point: point.name)
