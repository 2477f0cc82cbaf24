"""The facts of an image that a model keeps, by how many turns ago the image was sent: a panel a model."""

from collections.abc import Sequence
from typing import Any

from viewfinder.measure.figures import Figure
from viewfinder.measure.measures.dialogues.result import Dialogues
from viewfinder.measure.results import ModelResult
from viewfinder.report.charts import look
from viewfinder.report.charts.chart import Chart
from viewfinder.report.charts.labels import cell, file_name, full_name, known, names, percent, span, value

PLOT_WIDTH, ONE_HEIGHT, EACH_HEIGHT = 290, 150, 70
_HIGH = 70
"""Percent: above that the numbers stand below their points, for there is no room above."""
Kept = dict[int, Figure]


def chart(results: Sequence[ModelResult]) -> Chart | None:
    """Of the models with two distances or more."""
    kept = [(result, each) for result in results if len(each := _kept(result)) > 1]
    if not kept:
        return None
    distances = sorted({distance for _, each in kept for distance in each})
    return Chart(
        name="context" if len(results) > 1 else file_name("context", results[0]),
        title=_title([each for _, each in kept]),
        alt=_alt(kept),
        spec=_spec(kept, distances),
        header=("Model", *(f"{_turns(distance)} ago (%)" for distance in distances)),
        rows=tuple(
            (full_name(result), *(cell(each.get(distance)) for distance in distances))
            for result, each in kept
        ),
    )


def _kept(result: ModelResult) -> Kept:
    found = result.found.get("dialogues")
    if not isinstance(found, Dialogues):
        return {}
    each = {distance: known(found.by_distance[distance], "%") for distance in sorted(found.by_distance)}
    return {distance: figure for distance, figure in each.items() if figure}


def _turns(distance: int) -> str:
    return f"{distance} {'turn' if distance == 1 else 'turns'}"


def _first_last(each: Kept) -> tuple[int, int]:
    return min(each), max(each)


def _title(kept: Sequence[Kept]) -> str:
    if len(kept) == 1:
        first, last = _first_last(kept[0])
        return (
            f"{value(kept[0][first])} of an image's facts kept after {_turns(first)}, "
            f"{value(kept[0][last])} after {_turns(last)}"
        )
    ends = sorted((each[max(each)] for each in kept), key=lambda figure: figure.value)
    return f"{span(ends[0], ends[-1])} of an image's facts kept to the end of a dialogue"


def _alt(kept: Sequence[tuple[ModelResult, Kept]]) -> str:
    ordered = sorted(kept, key=lambda pair: -pair[1][max(pair[1])].value)
    each = []
    for result, figures in ordered:
        first, last = _first_last(figures)
        least = min(figures, key=lambda distance: figures[distance].value)
        lowest = (
            f", lowest {value(figures[least])} after {_turns(least)}" if least not in (first, last) else ""
        )
        each.append(
            f"{full_name(result)} {value(figures[first])} after {_turns(first)} and {value(figures[last])} "
            f"after {_turns(last)}{lowest}"
        )
    said = (
        "; ".join(each)
        if len(each) <= 2
        else f"of {len(each)} models the most {each[0]}, the least {each[-1]}"
    )
    return f"Facts of an image that are still answered right later in a dialogue: {said}."


def _spec(kept: Sequence[tuple[ModelResult, Kept]], distances: Sequence[int]) -> dict[str, Any]:
    import altair as alt

    last = len(kept) - 1
    height = EACH_HEIGHT if last else ONE_HEIGHT
    datasets: dict[str, look.Points] = {}
    panels = []
    for place, name in enumerate(names([result for result, _ in kept], look.NAME_COLUMNS)):
        each = kept[place][1]
        datasets[f"model {place}"] = [
            {"x": distance, "y": figure.value, "text": percent(figure.value)}
            for distance, figure in each.items()
        ]
        datasets[f"intervals {place}"] = [
            {**ends, "x": distance}
            for distance, figure in each.items()
            for ends in look.interval(figure, "y")
        ]
        panel = _panel(place, distances, is_last=place == last)
        panels.append(panel.properties(width=PLOT_WIDTH, height=height, title=name))
    return look.spec(alt.vconcat(*panels, spacing=10), datasets)


def _panel(place: int, distances: Sequence[int], *, is_last: bool) -> Any:
    import altair as alt

    axis = (
        alt.Axis(title="turns since the image was sent", values=list(distances), format="d")
        if is_last
        else alt.Axis(title=None, values=list(distances), labels=False, ticks=False)
    )
    ends = [min(distances) - 0.4, max(distances) + 0.9]
    x = alt.X("x:Q", scale=alt.Scale(domain=ends, nice=False, zero=False), axis=axis)
    y = alt.Y(
        "y:Q",
        scale=alt.Scale(domain=[0, 105], nice=False),
        axis=alt.Axis(title="kept (%)", values=[0, 50, 100]),
    )
    points = look.marks(f"model {place}")
    above, below = (points.transform_filter(f"datum.y {side} {_HIGH}") for side in ("<=", ">"))
    return alt.layer(
        look.intervals(f"intervals {place}", "y", x, alt.Y("y_low:Q")),
        points.mark_line(color=look.HUE, strokeWidth=2).encode(x=x, y=y),
        points.mark_point(fill=look.HUE, stroke=look.INK, size=20, opacity=1).encode(x=x, y=y),
        above.mark_text(align="left", dx=5, dy=-9).encode(x=x, y=y, text=alt.Text("text:N")),
        below.mark_text(align="left", dx=5, dy=13).encode(x=x, y=y, text=alt.Text("text:N")),
    )
