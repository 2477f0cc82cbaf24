"""The guide's charts: each file makes one kind from results; `drawing` makes SVG or PNG of it. Called by
`document`.

A chart is a pure function of results: `Chart`, or None where too little was measured to draw. Whether a
computer can draw at all is another matter: `drawing` raises `ChartsUnavailable`, and a guide without pictures
still has each chart's title, alternative text and table.
"""

from collections.abc import Sequence

from viewfinder.measure.results import ModelResult
from viewfinder.report.charts import context, load, memory, resolution, soak, tradeoff
from viewfinder.report.charts.chart import Chart


def all_charts(results: Sequence[ModelResult]) -> list[Chart]:
    """The charts that compare models: answers against time, memory, load, and context of two or more."""
    compared = [tradeoff.chart(results), memory.chart(results), load.chart(results)]
    if len(results) > 1:
        compared.append(context.chart(results))
    return [chart for chart in compared if chart]


def model_charts(result: ModelResult) -> list[Chart]:
    """The charts of one model: image budgets, context, and memory over many requests."""
    each = (resolution.chart(result), context.chart([result]), soak.chart(result))
    return [chart for chart in each if chart]
