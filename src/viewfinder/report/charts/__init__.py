"""The guide's charts: each file makes one kind from results; `drawing` makes SVG or PNG of it. Called by
`document`.

A chart is a pure function of results: `Chart`, or None where too little was measured to draw. Whether a
computer can draw at all is another matter: `drawing` raises `ChartsUnavailable`, and a guide without pictures
still has each chart's title, alternative text and table.
"""

import os
from collections.abc import Sequence

from viewfinder.measure.results import ModelResult
from viewfinder.report.charts import context, load, memory, resolution, soak, tradeoff
from viewfinder.report.charts.chart import Chart


def _find_a_home() -> None:
    """Altair asks for the user's home when it is imported, and a HOME like ~ ends that; none is needed."""
    home = os.environ.get("HOME", "")
    if home.startswith("~"):
        os.environ["HOME"] = os.sep
        try:
            import altair  # noqa: F401
        finally:
            os.environ["HOME"] = home


def all_charts(results: Sequence[ModelResult]) -> list[Chart]:
    """The charts that compare models: answers against time, memory, load, and context of two or more."""
    _find_a_home()
    compared = [tradeoff.chart(results), memory.chart(results), load.chart(results)]
    if len(results) > 1:
        compared.append(context.chart(results))
    return [chart for chart in compared if chart]


def model_charts(result: ModelResult) -> list[Chart]:
    """The charts of one model: image budgets, context, and memory over many requests."""
    _find_a_home()
    each = (resolution.chart(result), context.chart([result]), soak.chart(result))
    return [chart for chart in each if chart]
