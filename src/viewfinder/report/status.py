"""Rows of a model's recipe: its status with the reasons, and what is to be known of how it was measured;
called by `tables`."""

from collections.abc import Callable

from viewfinder.measure.figures import Measured
from viewfinder.measure.results import ModelResult
from viewfinder.report.markdown import text


def rows(result: ModelResult, figure: Callable[[Measured], str]) -> list[tuple[str, str]]:
    """`figure` prints a number with its footnote; nothing is said of what older versions did not store."""
    said = []
    if result.status_reasons:
        said.append(("Status", text(f"{result.status}: {'; '.join(result.status_reasons)}")))
    if result.machine_drift is not None:
        said.append(("Time of the same work at the run's end / start", figure(result.machine_drift)))
    if result.notes:
        said.append(("Notes", text(" ".join(result.notes))))
    return said
