"""What all charts have in common: their size, their colors, and the marks of an interval; called by every
chart.

A chart is drawn for a screen of 360 px and grows with the page. Ink is `currentColor`, so that text and axes
have the color of the words around an inlined chart, on light and on dark; the one other color is seen on
both.
Nothing is told by color alone: models have names or letters, stages have their order, verdicts have shapes.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from viewfinder.measure.figures import Figure
from viewfinder.report.figures import has_interval

if TYPE_CHECKING:
    import altair as alt

Points = Sequence[Mapping[str, Any]]
Datasets = Mapping[str, Points]
"""The points of a chart's layers, by the names that the layers use."""

WIDTH = 340
"""Pixels of all charts between their margins."""
TEXT_PX = 12
NAME_COLUMNS = 40
"""As many letters of `TEXT_PX` fit beside each other."""
INK = "currentColor"
HUE = "#3a7bd5"
"""Its contrast is at least 3 with white and with black, as WCAG 2.2 (1.4.11) asks of graphics."""
_DASHES, _SOLID = [3, 3], [1, 0]

_CONFIG = {
    "aria": False,  # the picture has one alternative text; its parts are no texts of their own
    "background": "transparent",
    "font": "sans-serif",
    "padding": 6,
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "tickColor": INK,
        "domainColor": INK,
        "gridColor": INK,
        "gridOpacity": 0.15,
        "domainOpacity": 0.5,
        "tickOpacity": 0.5,
        "labelFontSize": TEXT_PX,
        "titleFontSize": TEXT_PX,
        "titleFontWeight": "normal",
    },
    "legend": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": TEXT_PX,
        "titleFontSize": TEXT_PX,
        "labelLimit": WIDTH,
        "titleLimit": WIDTH,
        "titleFontWeight": "normal",
    },
    "title": {"color": INK, "fontSize": TEXT_PX, "anchor": "start", "fontWeight": "bold", "limit": WIDTH},
    "text": {"color": INK, "fontSize": TEXT_PX},
}


def spec(chart: "alt.LayerChart | alt.FacetChart | alt.VConcatChart", datasets: Datasets) -> dict[str, Any]:
    """The chart as `drawing` takes it, in the guide's look. Its layers name their points in `datasets`:
    altair would copy points at every step. It would check its result against Vega-Lite's schema, too, which
    takes longer than to draw; the tests do that."""
    return chart.to_dict(validate=False) | {
        "config": _CONFIG,
        "datasets": {name: [dict(point) for point in points] for name, points in datasets.items()},
    }


def marks(dataset: str) -> "alt.Chart":
    """A layer of these points, whose mark and encoding are to be added."""
    import altair as alt

    return alt.Chart(alt.NamedData(dataset))


def percent_ticks(low: float) -> list[int]:
    """At most six, from `low` up to 100 %: an axis may end above that, where there is no share."""
    room = 100 - int(low)
    step = next((step for step in (2, 5, 10) if room <= 5 * step), 20)
    return list(range(100, int(low) - 1, -step))[::-1]


def interval(figure: Figure, axis: str) -> list[dict[str, Any]]:
    """The ends of a figure's interval on an axis, or of its range, which is drawn dashed; or nothing."""
    if not (has_interval(figure) or (figure.is_range and figure.n > 1)):
        return []
    return [
        {
            f"{axis}_low": figure.low,
            f"{axis}_high": figure.high,
            "dash": _DASHES if figure.is_range else _SOLID,
        }
    ]


def intervals(dataset: str, axis: str, x: Any, y: Any) -> Any:
    """The lines of intervals along one axis, from what `interval` made: x and y encode their lower ends."""
    import altair as alt

    dash = alt.StrokeDash("dash:N", scale=None, legend=None)
    rules = marks(dataset).mark_rule(color=INK, strokeWidth=1.5, opacity=0.8)
    if axis == "x":
        return rules.encode(x=x, x2=alt.X2("x_high"), y=y, strokeDash=dash)
    return rules.encode(x=x, y=y, y2=alt.Y2("y_high"), strokeDash=dash)
