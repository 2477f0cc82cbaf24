"""Bars in lines, one model each: its name above, what it amounts to beside it; called by `load` and `memory`.

Names stand above their bars, because beside them they would take half of a small screen.
"""

from collections.abc import Sequence
from typing import Any

from viewfinder.measure.results import ModelResult
from viewfinder.report.charts import look
from viewfinder.report.charts.labels import names

BAR_WIDTH = 218
"""Pixels of the bars; right of them is the text."""
_LINE, _NAME_AT, _BAR_TOP, _BAR_BOTTOM = 44, 11, 20, 36
_BAR_MIDDLE = (_BAR_TOP + _BAR_BOTTOM) / 2


def height(lines: int) -> int:
    return lines * _LINE


def top_bottom(line: int) -> dict[str, float]:
    """Where the bar of this line is, in pixels from the top; counted from 0."""
    return {"top": line * _LINE + _BAR_TOP, "bottom": line * _LINE + _BAR_BOTTOM}


def middle(line: int) -> float:
    return line * _LINE + _BAR_MIDDLE


def y(field: str, lines: int) -> Any:
    """The encoding of such a place."""
    import altair as alt

    return alt.Y(
        f"{field}:Q",
        axis=None,
        scale=alt.Scale(domain=[0, height(lines)], reverse=True, nice=False, zero=False),
    )


def axis(title: str) -> Any:
    """The axis below the bars; its title begins where they begin."""
    import altair as alt

    return alt.Axis(title=title, titleAnchor="start", titleX=0, titleAlign="left", tickCount=4, grid=False)


def words(results: Sequence[ModelResult], texts: Sequence[str]) -> tuple[look.Datasets, list[Any]]:
    """The names above the bars and the texts beside them, and their layers."""
    import altair as alt

    n = len(results)
    named = [
        {"text": name, "y": line * _LINE + _NAME_AT}
        for line, name in enumerate(names(results, look.NAME_COLUMNS))
    ]
    beside = [{"text": text, "y": middle(line)} for line, text in enumerate(texts)]
    above = look.marks("names").mark_text(align="left", limit=look.WIDTH)
    right = look.marks("texts").mark_text(align="left", limit=look.WIDTH - BAR_WIDTH - 6)
    layers = [
        above.encode(x=alt.value(0), y=y("y", n), text=alt.Text("text:N")),
        right.encode(x=alt.value(BAR_WIDTH + 6), y=y("y", n), text=alt.Text("text:N")),
    ]
    return {"names": named, "texts": beside}, layers
