"""Right answers against seconds, one circle a model, its area the memory that the model takes."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from string import ascii_uppercase
from typing import Any

from viewfinder.measure.figures import Figure
from viewfinder.measure.measures.gates.find import IMAGE_ANSWERS
from viewfinder.measure.measures.latency.find import INFERENCE
from viewfinder.measure.measures.memory.find import DIFFERENCE
from viewfinder.measure.measures.own_images.find import OWN_QUESTIONS
from viewfinder.measure.measures.own_images.result import OwnImages
from viewfinder.measure.results import ModelResult
from viewfinder.report.charts import look
from viewfinder.report.charts.chart import Chart
from viewfinder.report.charts.labels import cell, full_name, known, names, remarks, span, three_digits, value

HEIGHT, PLOT_WIDTH = 230, 290
_LARGEST_AREA = 1600
"""Square pixels of the circle of the model that takes the most memory."""
_LOGARITHMIC = 15
"""From this ratio of the slowest model to the fastest, equal steps are equal ratios."""
_KEY_LINE = 18
_NEAR_PX = 14


@dataclass(frozen=True, slots=True)
class Circle:
    """One model: its letter, its figures, and what is unusual about its times."""

    result: ModelResult
    letter: str
    right: Figure
    time: Figure
    memory: Figure | None
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """From numbers to pixels and back, as Vega does it: the letters are placed where there is room."""

    low: float
    high: float
    pixels: int
    is_log: bool = False

    def at(self, number: float) -> float:
        low, high, here = (math.log(one) if self.is_log else one for one in (self.low, self.high, number))
        return self.pixels * (here - low) / (high - low)

    def back(self, pixel: float) -> float:
        share = pixel / self.pixels
        if self.is_log:
            return self.low * math.pow(self.high / self.low, share)
        return self.low + share * (self.high - self.low)


def chart(results: Sequence[ModelResult]) -> Chart | None:
    """Of the models with both figures: the user's own questions where all have them, or the vision gate."""
    if not results:
        return None
    newest = max(results, key=lambda result: result.measured_at)
    name = OWN_QUESTIONS if _have_own(results) else IMAGE_ANSWERS
    circles = [
        Circle(result, "", right, time, known(result.figures[DIFFERENCE], "GB"), remarks(result, newest))
        for result in results
        if (right := known(result.figures[name], "%")) and (time := known(result.figures[INFERENCE], "s"))
    ]
    if not circles:
        return None
    circles.sort(key=lambda one: (-one.right.value, one.time.value))
    circles = [replace(one, letter=letter) for one, letter in zip(circles, _letters(), strict=False)]
    of = "your own questions" if name == OWN_QUESTIONS else "questions about images"
    return Chart(
        name="answers-and-time",
        title=_title(circles, of),
        alt=_alt(circles, of),
        spec=_spec(circles),
        header=(
            "",
            "Model",
            "Right answers (%)",
            "Average inference (s)",
            "Memory difference (GB)",
            "Remarks",
        ),
        rows=tuple(
            (
                one.letter,
                full_name(one.result),
                cell(one.right),
                cell(one.time),
                cell(one.memory),
                ", ".join(one.remarks),
            )
            for one in circles
        ),
    )


def _have_own(results: Sequence[ModelResult]) -> bool:
    """Whether all were asked the same number of the user's questions from one folder."""
    own = [result.found.get("own_images") for result in results]
    sets = {(one.folder, one.asked) if isinstance(one, OwnImages) else None for one in own}
    return len(sets) == 1 and None not in sets


def _letters() -> list[str]:
    return [*ascii_uppercase, *("".join(two) for two in product(ascii_uppercase, repeat=2))]


def _title(circles: Sequence[Circle], of: str) -> str:
    if len(circles) == 1:
        return f"{value(circles[0].right)} of {of} right, in {value(circles[0].time)} on average"
    times = sorted((one.time for one in circles), key=lambda time: time.value)
    return f"{span(circles[-1].right, circles[0].right)} of {of} right, in {span(times[0], times[-1])}"


def _alt(circles: Sequence[Circle], of: str) -> str:
    if len(circles) <= 2:
        each = "; ".join(f"{full_name(one.result)}: {_numbers(one)}" for one in circles)
        return f"Right answers to {of} against average seconds. {each}."
    most, fastest = circles[0], min(circles, key=lambda one: one.time.value)
    said = [f"Most right: {full_name(most.result)}, {_numbers(most)}"]
    said.append(f"fastest: {full_name(fastest.result)}, {_numbers(fastest)}")
    if sized := [(one.memory.value, one) for one in circles if one.memory]:
        _, least = min(sized, key=lambda pair: pair[0])
        said.append(f"least memory: {full_name(least.result)}, {_numbers(least)}")
    return f"Right answers to {of} against average seconds, {len(circles)} models. {'; '.join(said)}."


def _numbers(one: Circle) -> str:
    remark = f" ({', '.join(one.remarks)})" if one.remarks else ""
    return f"{value(one.right)} right in {value(one.time)}{remark}, {_memory(one)}"


def _memory(one: Circle) -> str:
    return f"{three_digits(one.memory.value)} GB" if one.memory else "memory not measured"


def _spec(circles: Sequence[Circle]) -> dict[str, Any]:
    import altair as alt

    x_axis, y_axis = _axes(circles)
    lines = _key(circles)
    across = [
        {**ends, "x_low": max(ends["x_low"], x_axis.low), "y": one.right.value}
        for one in circles
        for ends in look.interval(one.time, "x")
    ]
    up = [{**ends, "x": one.time.value} for one in circles for ends in look.interval(one.right, "y")]
    plot = _plot(x_axis, y_axis, "right answers (%)")
    return look.spec(
        alt.vconcat(plot, _key_of(len(lines)), spacing=8),
        {
            "models": _points(circles, x_axis, y_axis),
            "times": across,
            "rights": up,
            "key": [{"line": place, "text": text} for place, text in enumerate(lines)],
        },
    )


def _plot(x_axis: Axis, y_axis: Axis, title: str) -> Any:
    import altair as alt

    x_scale = alt.Scale(
        type="log" if x_axis.is_log else "linear", domain=[x_axis.low, x_axis.high], nice=False, zero=False
    )
    y_scale = alt.Scale(domain=[y_axis.low, y_axis.high], nice=False, zero=False)
    x = alt.X("x:Q", scale=x_scale, axis=alt.Axis(title="average inference (s)", tickCount=5, format="~g"))
    y = alt.Y("y:Q", scale=y_scale, axis=alt.Axis(title=title, values=look.percent_ticks(y_axis.low)))
    fill = alt.Fill("fill:N", scale=None, legend=None)
    models = look.marks("models")
    return alt.layer(
        models.mark_point(fill=look.HUE, stroke=look.HUE, fillOpacity=0.25, opacity=1).encode(
            x=x, y=y, size=alt.Size("area:Q", scale=None)
        ),
        look.intervals("times", "x", alt.X("x_low:Q"), y),
        look.intervals("rights", "y", x, alt.Y("y_low:Q")),
        models.mark_point(shape="circle", size=36, opacity=1, stroke=look.INK, strokeWidth=1.5).encode(
            x=x, y=y, fill=fill
        ),
        models.mark_text(fontWeight="bold", fontSize=13).encode(
            x=alt.X("at_x:Q"), y=alt.Y("at_y:Q"), text=alt.Text("letter:N")
        ),
    ).properties(width=PLOT_WIDTH, height=HEIGHT)


def _key(circles: Sequence[Circle]) -> list[str]:
    """What the marks and the letters mean, in a line each."""
    sizes = [", ".join(("", _memory(one), *one.remarks)) for one in circles]
    room = max(16, look.NAME_COLUMNS - 3 - max(map(len, sizes)))
    named = names([one.result for one in circles], room)
    lines = [f"{one.letter}: {name}{size}" for one, name, size in zip(circles, named, sizes, strict=True)]
    shown = (figure for one in circles for figure in (one.time, one.right))
    dashed = any(one.is_range and look.interval(one, "x") for one in shown)
    ranges = "; dashed: lowest to highest" if dashed else ""
    return [f"Circle: memory difference. Lines: 95 % intervals{ranges}.", *lines]


def _key_of(lines: int) -> Any:
    import altair as alt

    scale = alt.Scale(domain=[-0.5, lines - 0.5], reverse=True, nice=False)
    text = look.marks("key").mark_text(align="left", limit=look.WIDTH)
    encoded = text.encode(
        x=alt.value(-35), y=alt.Y("line:Q", axis=None, scale=scale), text=alt.Text("text:N")
    )
    return encoded.properties(width=PLOT_WIDTH, height=_KEY_LINE * lines)


def _axes(circles: Sequence[Circle]) -> tuple[Axis, Axis]:
    times = [end for one in circles for end in _ends(one.time)]
    slowest, fastest = max(times), min(times)
    is_log = fastest > 0 and slowest / fastest > _LOGARITHMIC
    x_low, x_high = (fastest / 1.5, slowest * 1.5) if is_log else (0.0, (slowest or 1.0) * 1.12)
    lowest = min(end for one in circles for end in _ends(one.right))
    # Three points above 100 %, for the halves of circles there.
    y_axis = Axis(max(0.0, 10 * math.floor((lowest - 3) / 10)), 103.0, HEIGHT)
    return Axis(x_low, x_high, PLOT_WIDTH, is_log), y_axis


def _ends(figure: Figure) -> list[float]:
    return [
        figure.value,
        *(end for one in look.interval(figure, "x") for end in (one["x_low"], one["x_high"])),
    ]


def _points(circles: Sequence[Circle], x_axis: Axis, y_axis: Axis) -> list[dict[str, Any]]:
    most = max((one.memory.value for one in circles if one.memory), default=0.0)
    places = _letter_places([(x_axis.at(one.time.value), y_axis.at(one.right.value)) for one in circles])
    return [
        {
            "letter": one.letter,
            "x": one.time.value,
            "y": one.right.value,
            "area": _LARGEST_AREA * max(0.0, one.memory.value) / most if one.memory and most > 0 else 0,
            "at_x": x_axis.back(place[0]),
            "at_y": y_axis.back(place[1]),
            "fill": "transparent" if one.remarks else look.INK,
        }
        for one, place in zip(circles, places, strict=True)
    ]


def _letter_places(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Beside each point, where no other point and no other letter is; diagonal, off the interval's lines."""
    taken: list[tuple[float, float]] = []
    for here in points:
        others = [*taken, *(point for point in points if point != here)]
        around = [
            (here[0] + reach * dx, here[1] + reach * dy)
            for reach in (11, 18, 26, 36, 48)
            for dx, dy in (
                (1, 1),
                (-1, 1),
                (1, -1),
                (-1, -1),
                (0.35, 1.2),
                (-0.35, 1.2),
                (0.35, -1.2),
                (1.2, 0.35),
            )
        ]
        inside = [
            place for place in around if 6 <= place[0] <= PLOT_WIDTH - 6 and 6 <= place[1] <= HEIGHT - 6
        ] or around
        free = (place for place in inside if all(math.dist(place, other) >= _NEAR_PX for other in others))
        taken.append(next(free, inside[-1]))
    return taken
