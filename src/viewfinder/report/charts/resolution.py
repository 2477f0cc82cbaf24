"""What a smaller image costs in right answers and saves in time, for one model."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from viewfinder.measure.figures import Figure
from viewfinder.measure.measures.resolution.result import Resolution
from viewfinder.measure.results import ModelResult
from viewfinder.report.charts import look
from viewfinder.report.charts.chart import Chart
from viewfinder.report.charts.labels import cell, file_name, full_name, known, value

_SHAPES = {
    "reference": "diamond",
    "not inferior": "circle",
    "inferior": "triangle-down",
    "not shown": "cross",
    "not measured": "stroke",
}
"""The verdict's mark in the chart."""
PLOT_WIDTH, PLOT_HEIGHT = 285, 105


@dataclass(frozen=True, slots=True)
class Answered:
    """A budget with both of its figures."""

    budget: str
    verdict: str
    right: Figure
    time: Figure

    @property
    def said(self) -> str:
        return f"{value(self.right)} right in {value(self.time)} at {self.budget}"


def chart(result: ModelResult) -> Chart | None:
    """Of two or more budgets that were answered; in two panels, one below the other."""
    found = result.found.get("resolution")
    if not isinstance(found, Resolution):
        return None
    budgets = [
        Answered(one.budget, one.verdict, right, time)
        for one in found.budgets
        if (right := known(one.accuracy, "%")) and (time := known(one.e2e, "s"))
    ]
    if len(budgets) < 2:
        return None
    return Chart(
        name=file_name("resolution", result),
        title=_title(budgets, found),
        alt=_alt(budgets, found, result),
        spec=_spec(budgets),
        header=("Image budget", "Right answers (%)", "Whole request (s)", "Image tokens", "Verdict"),
        rows=tuple(
            (
                one.budget,
                cell(known(one.accuracy, "%")),
                cell(known(one.e2e, "s")),
                cell(known(one.image_tokens, "tokens")),
                one.verdict,
            )
            for one in found.budgets
        ),
    )


def _title(budgets: Sequence[Answered], found: Resolution) -> str:
    largest = budgets[-1]
    cheapest = next((one for one in budgets if one.budget == found.cheapest), None)
    if cheapest is None:
        return f"{budgets[0].said}, {largest.said}"
    if cheapest == largest:
        return f"Smaller images than {largest.budget} lose right answers, or may"
    return (
        f"Images of {cheapest.budget} do as well as {largest.budget}: "
        f"{value(cheapest.time)} instead of {value(largest.time)}"
    )


def _alt(budgets: Sequence[Answered], found: Resolution, result: ModelResult) -> str:
    shown = budgets if len(budgets) <= 4 else (budgets[0], budgets[-1])
    each = "; ".join(one.said for one in shown)
    smallest = (
        f" Smallest image that does as well as the largest: {found.cheapest}."
        if isinstance(found.cheapest, str)
        else ""
    )
    return f"Right answers and time of {full_name(result)} by the size of the image: {each}.{smallest}"


def _spec(budgets: Sequence[Answered]) -> dict[str, Any]:
    import altair as alt

    rights, times = [one.right for one in budgets], [one.time for one in budgets]
    lowest, slowest = max(0.0, 10 * (min(_ends(rights)) // 10 - 1)), max(_ends(times))
    shares = alt.Axis(title="right answers (%)", values=look.percent_ticks(lowest))
    seconds = alt.Axis(title="whole request (s)", tickCount=4)
    panels = alt.vconcat(
        _panel("rights", budgets, shares, [lowest, 107.0]),
        _panel("times", budgets, seconds, [0.0, 1.2 * slowest or 1.0]),
        spacing=12,
    )
    return look.spec(panels, {**_points("rights", budgets, rights), **_points("times", budgets, times)})


def _ends(figures: Sequence[Figure]) -> list[float]:
    each = [ends for one in figures for ends in look.interval(one, "y")]
    return [
        *(one.value for one in figures),
        *(end for ends in each for end in (ends["y_low"], ends["y_high"])),
    ]


def _points(name: str, budgets: Sequence[Answered], figures: Sequence[Figure]) -> look.Datasets:
    """The points of a panel, and their intervals."""
    both = list(zip(budgets, figures, strict=True))
    return {
        name: [
            {"budget": one.budget, "y": figure.value, "verdict": one.verdict, "text": value(figure)}
            for one, figure in both
        ],
        f"{name} intervals": [
            {**ends, "budget": one.budget} for one, figure in both for ends in look.interval(figure, "y")
        ],
    }


def _panel(name: str, budgets: Sequence[Answered], axis: Any, domain: Sequence[float]) -> Any:
    import altair as alt

    order = [one.budget for one in budgets]
    x = alt.X("budget:N", sort=order, axis=alt.Axis(title="image budget", labelAngle=0, grid=True))
    y = alt.Y("y:Q", scale=alt.Scale(domain=domain, nice=False, zero=False), axis=axis)
    points = look.marks(name)
    return alt.layer(
        look.intervals(f"{name} intervals", "y", x, alt.Y("y_low:Q")),
        points.mark_line(color=look.HUE, strokeWidth=1.5).encode(x=x, y=y),
        points.mark_point(fill=look.HUE, stroke=look.INK, size=80, opacity=1).encode(
            x=x, y=y, shape=_shape([one.verdict for one in budgets])
        ),
        # More pixels take more time, so that the lines rise: the place of the text is free.
        points.mark_text(align="right", dx=-7, dy=-8).encode(x=x, y=y, text=alt.Text("text:N")),
    ).properties(width=PLOT_WIDTH, height=PLOT_HEIGHT)


def _shape(verdicts: Sequence[str]) -> Any:
    import altair as alt

    shown = [name for name in _SHAPES if name in verdicts]
    return alt.Shape(
        "verdict:N",
        sort=shown,
        scale=alt.Scale(domain=shown, range=[_SHAPES[name] for name in shown]),
        legend=alt.Legend(
            title="right answers, compared with the largest image",
            orient="bottom",
            columns=3,
            symbolFillColor=look.HUE,
            symbolStrokeColor=look.INK,
            symbolSize=80,
        ),
    )
