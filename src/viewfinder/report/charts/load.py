"""How long each model loads: a bar of the stages from the start of its process to its first right answer."""

from collections.abc import Sequence
from typing import Any

from viewfinder.measure.figures import Figure
from viewfinder.measure.measures.load.result import LoadTimes
from viewfinder.measure.results import ModelResult
from viewfinder.report.charts import lines, look
from viewfinder.report.charts.chart import Chart
from viewfinder.report.charts.labels import cell, full_name, known, remarks, span, value

STAGES = {
    "spawned": "process runs",
    "listening": "listens",
    "ready": "ready",
    "first_token": "first token",
    "first_correct": "first right answer",
}
"""The stamps of a start in their order, and the names of the stages that end with them."""
_SHADES = dict(zip(STAGES, (0.0, 0.3, 0.55, 0.8, 1.0), strict=True))
_KEY_LINE, _KEY_COLUMN, _SWATCH = 20, 113, 14
_KEY: list[dict[str, Any]] = [
    {
        "stage": stage,
        "shade": _SHADES[name],
        "line": place // 3,
        "left": _KEY_COLUMN * (place % 3),
        "right": _KEY_COLUMN * (place % 3) + _SWATCH,
        "top": _KEY_LINE * (place // 3) + 3,
        "middle": _KEY_LINE * (place // 3) + 3 + _SWATCH / 2,
        "bottom": _KEY_LINE * (place // 3) + 3 + _SWATCH,
    }
    for place, (name, stage) in enumerate(STAGES.items())
]
Stamps = dict[str, Figure]


def chart(results: Sequence[ModelResult]) -> Chart | None:
    """Of the models with a stamp at least; the fastest to its last stage first."""
    timed = [(result, stamps) for result in results if (stamps := _stamps(result))]
    if not timed:
        return None
    newest = max(results, key=lambda result: result.measured_at)
    timed.sort(key=lambda pair: _last(pair[1])[1].value)
    return Chart(
        name="load",
        title=_title([stamps for _, stamps in timed]),
        alt=_alt(timed),
        spec=_spec(timed, newest),
        header=("Model", *(f"{stage[0].upper()}{stage[1:]} (s)" for stage in STAGES.values()), "Remarks"),
        rows=tuple(
            (
                full_name(result),
                *(cell(stamps.get(name)) for name in STAGES),
                ", ".join(remarks(result, newest)),
            )
            for result, stamps in timed
        ),
    )


def _stamps(result: ModelResult) -> Stamps:
    found = result.found.get("load")
    if not isinstance(found, LoadTimes):
        return {}
    each = {name: known(getattr(found, name), "s") for name in STAGES}
    return {name: figure for name, figure in each.items() if figure}


def _last(stamps: Stamps) -> tuple[str, Figure]:
    """The last stage that was reached."""
    return list(stamps.items())[-1]


def _segments(stamps: Stamps) -> list[tuple[str, float, float]]:
    """Each stage with its begin and end; one whose stamp is missing is a part of the next."""
    segments, begin = [], 0.0
    for name, figure in stamps.items():
        if figure.value > begin:
            segments.append((name, begin, figure.value))
            begin = figure.value
    return segments


def _longest(stamps: Stamps) -> str:
    """The stage that takes the most of the time, in a clause; empty if none takes half of it."""
    segments = _segments(stamps)
    name, begin, end = max(segments, key=lambda one: one[2] - one[1], default=("", 0.0, 0.0))
    if len(segments) < 2 or end - begin < segments[-1][2] / 2:
        return ""
    return f"{100 * (end - begin) / segments[-1][2]:.0f} % of it until “{STAGES[name]}”"


def _title(timed: Sequence[Stamps]) -> str:
    name, first = _last(timed[0])
    if len(timed) == 1:
        longest = _longest(timed[0])
        return f"{value(first)} from the start to “{STAGES[name]}”" + (f", {longest}" if longest else "")
    return f"{span(first, _last(timed[-1])[1])} from the start to the first answer"


def _alt(timed: Sequence[tuple[ModelResult, Stamps]]) -> str:
    each = []
    for result, stamps in timed:
        name, last = _last(stamps)
        longest = _longest(stamps)
        each.append(
            f"{full_name(result)} {value(last)} to “{STAGES[name]}”{f' ({longest})' if longest else ''}"
        )
    said = "; ".join(each) if len(each) <= 2 else f"{len(each)} models, from {each[0]} to {each[-1]}"
    return f"Load time by stages, from the start of the server process: {said}."


def _spec(timed: Sequence[tuple[ModelResult, Stamps]], newest: ModelResult) -> dict[str, Any]:
    import altair as alt

    n = len(timed)
    lasts = [_last(stamps)[1] for _, stamps in timed]
    bars = [
        {"stage": STAGES[name], "shade": _SHADES[name], "begin": begin, "end": end, **lines.top_bottom(line)}
        for line, (_, stamps) in enumerate(timed)
        for name, begin, end in _segments(stamps)
    ]
    whiskers = [
        {**ends, "y": lines.middle(line)}
        for line, last in enumerate(lasts)
        for ends in look.interval(last, "x")
    ]
    most = max([last.value for last in lasts] + [ends["x_high"] for ends in whiskers]) or 1.0
    scale = alt.Scale(domain=[0, most], range=[0, lines.BAR_WIDTH], nice=False)
    x = alt.X("begin:Q", scale=scale, axis=lines.axis("seconds after the start"))
    words, texts = lines.words(
        [result for result, _ in timed], [_beside(result, stamps, newest) for result, stamps in timed]
    )
    plot = alt.layer(
        _stages("bars").encode(x=x, x2=alt.X2("end"), y=lines.y("top", n), y2=alt.Y2("bottom")),
        look.intervals("totals", "x", alt.X("x_low:Q"), lines.y("y", n)),
        *texts,
    ).properties(width=look.WIDTH, height=lines.height(n))
    return look.spec(
        alt.vconcat(plot, _key(), spacing=6), {"bars": bars, "totals": whiskers, "key": _KEY, **words}
    )


def _stages(dataset: str) -> Any:
    import altair as alt

    shade = alt.FillOpacity("shade:Q", scale=None, legend=None)
    marks = look.marks(dataset).mark_rect(fill=look.HUE, stroke=look.HUE, strokeWidth=1, opacity=1)
    return marks.encode(fillOpacity=shade)


def _key() -> Any:
    """The stages' shades and names, in the order of the bars."""
    import altair as alt

    height = _KEY_LINE * (1 + max(one["line"] for one in _KEY))
    x = alt.X("left:Q", axis=None, scale=alt.Scale(domain=[0, look.WIDTH], nice=False))
    y = alt.Y("top:Q", axis=None, scale=alt.Scale(domain=[0, height], reverse=True, nice=False))
    return alt.layer(
        _stages("key").encode(x=x, x2=alt.X2("right"), y=y, y2=alt.Y2("bottom")),
        look.marks("key")
        .mark_text(align="left", dx=6)
        .encode(x=alt.X("right:Q"), y=alt.Y("middle:Q"), text=alt.Text("stage:N")),
    ).properties(width=look.WIDTH, height=height)


def _beside(result: ModelResult, stamps: Stamps, newest: ModelResult) -> str:
    name, last = _last(stamps)
    remark = ", ".join(remarks(result, newest))
    until = "" if name == "first_correct" else f"to {STAGES[name]}"
    return " ".join(part for part in (value(last), until, f"({remark})" if remark else "") if part)
