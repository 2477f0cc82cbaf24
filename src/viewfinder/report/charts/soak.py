"""The memory of one model's server over the many requests of the soak."""

from collections.abc import Sequence
from typing import Any

from viewfinder.measure.figures import Figure
from viewfinder.measure.measures.soak.result import FootprintRange, Growth, Soak
from viewfinder.measure.results import ModelResult
from viewfinder.report.charts import look
from viewfinder.report.charts.chart import Chart
from viewfinder.report.charts.labels import file_name, full_name, three_digits

PLOT_WIDTH, PLOT_HEIGHT = 280, 160
_LEAST_SPAN = 0.1
"""Of the memory: the axis spans that much at least, so that noise does not look like growth."""
_ROWS = 10
"""Of the table: as many ranges as can be read, joined from those that are stored."""
_KINDS = {
    "flat": "Memory hardly grows with the requests",
    "plateau": "Memory grows, then no more",
    "leak": "Memory grows with every request",
    "growth with cache": "Memory grows with every new image, and not when one is shown again",
}
"""What the kinds of growth mean; of the others nothing is concluded."""


def chart(result: ModelResult) -> Chart | None:
    """Of two readings or more; results of older versions have none."""
    found = result.found.get("soak")
    if not isinstance(found, Soak) or len(found.footprints) < 2:
        return None
    requests = found.footprints[-1].until
    again = [one.model_copy(update={"until": requests + one.until}) for one in found.same_image]
    return Chart(
        name=file_name("soak", result),
        title=_title(found),
        alt=_alt(found, result),
        spec=_spec(found.footprints, again),
        header=("Requests", "Images", "Lowest (MB)", "Highest (MB)"),
        rows=(*_rows(found.footprints, "a new one each"), *_rows(again, "one again and again")),
    )


def _ends(ranges: Sequence[FootprintRange]) -> tuple[float, float]:
    return min(one.low_mb for one in ranges), max(one.high_mb for one in ranges)


def _between(found: Soak) -> str:
    low, high = map(three_digits, _ends((*found.footprints, *found.same_image)))
    count = found.footprints[-1].until + (found.same_image[-1].until if found.same_image else 0)
    return f"{low} MB over {count} requests" if low == high else f"{low} to {high} MB over {count} requests"


def _title(found: Soak) -> str:
    said = _KINDS.get(found.growth.kind) if isinstance(found.growth, Growth) else None
    between = _between(found)
    return f"{said}: {between}" if said else f"Memory of {between}"


def _alt(found: Soak, result: ModelResult) -> str:
    growth = found.growth
    slope = ""
    if isinstance(growth, Growth):
        figure: Figure = growth.slope
        slope = (
            f" Growth a request: {figure.value:.3f} MB ({figure.low:.3f} to {figure.high:.3f}), "
            f"judged as {growth.kind}."
        )
    first, last = found.footprints[0], found.footprints[-1]
    return (
        f"Memory of the server of {full_name(result)}: {_between(found)}; {three_digits(first.low_mb)} MB "
        f"after the first and {three_digits(last.high_mb)} MB after request {last.until}.{slope}"
    )


def _rows(ranges: Sequence[FootprintRange], images: str) -> list[tuple[str, ...]]:
    each = -(-len(ranges) // _ROWS) or 1
    rows: list[tuple[str, ...]] = []
    for start in range(0, len(ranges), each):
        joined = ranges[start : start + each]
        low, high = _ends(joined)
        rows.append((f"to {joined[-1].until}", images, f"{low:,.1f}", f"{high:,.1f}"))
    return rows


def _spec(new: Sequence[FootprintRange], again: Sequence[FootprintRange]) -> dict[str, Any]:
    import altair as alt

    low, high = _ends((*new, *again))
    room = max(high - low, _LEAST_SPAN * high) / 2 * 1.2
    middle = (low + high) / 2
    bottom = max(0.0, middle - room)
    requests = (again or new)[-1].until
    x = alt.X(
        "until:Q",
        scale=alt.Scale(domain=[0, requests], nice=False),
        axis=alt.Axis(title="requests", tickCount=5, grid=False),
    )
    scale = alt.Scale(domain=[bottom, bottom + 2 * room], nice=False, zero=False)
    y = alt.Y("low_mb:Q", scale=scale, axis=alt.Axis(title="memory (MB)", tickCount=5))
    points = [
        {"until": one.until, "low_mb": one.low_mb, "high_mb": one.high_mb, "images": images}
        for images, ranges in (("new", new), ("again", again))
        for one in ranges
    ]
    base = look.marks("memory").encode(x=x, detail=alt.Detail("images:N"))
    layers = [
        base.mark_area(fill=look.HUE, opacity=0.35).encode(y=y, y2=alt.Y2("high_mb")),
        base.mark_line(color=look.HUE, strokeWidth=2).encode(y=alt.Y("high_mb:Q")),
        *(_phases(x) if again else ()),
    ]
    plot = alt.layer(*layers).properties(width=PLOT_WIDTH, height=PLOT_HEIGHT)
    boundary = [{"until": new[-1].until, "before": "a new image each", "after": "one image"}] if again else []
    return look.spec(plot, {"memory": points, "boundary": boundary})


def _phases(x: Any) -> list[Any]:
    """A line between the phases, and what each of them is, above the plot."""
    import altair as alt

    boundary = look.marks("boundary").encode(x=x)
    return [
        boundary.mark_rule(color=look.INK, strokeDash=[4, 3]),
        boundary.mark_text(align="right", dx=-5).encode(y=alt.value(-9), text=alt.Text("before:N")),
        boundary.mark_text(align="left", dx=5).encode(y=alt.value(-9), text=alt.Text("after:N")),
    ]
