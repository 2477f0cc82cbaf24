"""The charts: the numbers of the results, in words, too, and pictures that any page can hold."""

import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import pytest
from PIL import Image

from tests.report.charts.made_up import HOSTILE, LONG, one, six
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.latency.result import Latency, RequestTimes
from viewfinder.report.charts import (
    all_charts,
    context,
    load,
    look,
    memory,
    model_charts,
    resolution,
    soak,
    tradeoff,
)
from viewfinder.report.charts.chart import Chart
from viewfinder.report.charts.drawing import ChartsUnavailable, png, svg

GONE = Missing(missing="it died")
ALL = ["answers-and-time", "memory", "load", "context"]


def numbers(value: Any) -> Iterator[float]:
    """Every number in a chart's data."""
    if isinstance(value, bool):
        return
    if isinstance(value, int | float):
        yield float(value)
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from numbers(part)


def data_of(chart: Chart) -> list[float]:
    return list(numbers(json.loads(json.dumps(chart.spec["datasets"]))))


def test_six_models_have_every_chart() -> None:
    charts = all_charts(six())
    assert [chart.name for chart in charts] == ALL
    for chart in charts:
        assert chart.rows
        assert {len(row) for row in chart.rows} == {len(chart.header)}
        assert any(LONG in cell for row in chart.rows for cell in row), "the table has the whole name"


def test_one_model_has_its_own() -> None:
    kinds = [chart.name.split("-")[0] for chart in model_charts(one())]
    assert kinds == ["resolution", "context", "soak"]
    assert [chart.name for chart in all_charts([one()])] == ["answers-and-time", "memory", "load"]


def test_what_was_not_measured_is_not_drawn() -> None:
    result = one()
    bare = result.model_copy(update={"found": {"gates": result.found["gates"], "load": GONE}})
    assert all_charts([]) == []
    assert all_charts([bare]) == []
    assert model_charts(bare) == []


def test_answers_and_time_have_the_figures_and_their_intervals() -> None:
    result = one()
    chart = tradeoff.chart([result])
    assert chart is not None
    drawn = data_of(chart)
    for name in ("right image answers", "average inference"):
        figure = result.figures[name]
        assert not isinstance(figure, Missing)
        for number in (figure.value, figure.low, figure.high):
            assert any(abs(number - other) < 1e-9 for other in drawn), (name, number)
    assert "97 % right in 0.321 s" in chart.alt
    assert any("0.321 (0.310 to 0.333)" in cell for cell in chart.rows[0])


@pytest.mark.parametrize("low", [0.0, 10.0, 50.0, 70.0, 80.0, 90.0])
def test_an_axis_of_shares_has_no_tick_above_all(low: float) -> None:
    ticks = look.percent_ticks(low)
    assert low <= ticks[0]
    assert ticks[-1] == 100
    assert 3 <= len(ticks) <= 6


def test_a_dashed_line_is_explained_where_there_is_one() -> None:
    plain, ranged = one(), one()
    time = ranged.figures["average inference"]
    assert isinstance(time, Figure)
    latency = ranged.found["latency"]
    assert isinstance(latency, Latency)
    assert isinstance(latency.images, RequestTimes)
    images = latency.images.model_copy(update={"mean": time.model_copy(update={"is_range": True})})
    found = {**ranged.found, "latency": latency.model_copy(update={"images": images})}
    for result, is_said in ((plain, False), (ranged.model_copy(update={"found": found}), True)):
        chart = tradeoff.chart([result])
        assert chart is not None
        assert ("dashed: lowest to highest" in json.dumps(chart.spec)) is is_said


def test_memory_is_set_against_what_the_computer_has() -> None:
    chart = memory.chart([one()])
    assert chart is not None
    assert "0.071 of 17.2 GB" in chart.alt
    assert 0.071 in [round(number, 6) for number in data_of(chart)]


def test_load_is_stacked_by_stages() -> None:
    chart = load.chart([one()])
    assert chart is not None
    assert "0.912 s" in chart.alt
    assert chart.header[0] == "Model"
    stages = [float(cell.partition(" ")[0]) for cell in chart.rows[0][1:6]]
    assert stages == pytest.approx([0.012, 0.21, 0.84, 0.88, 0.912])


def test_resolution_names_the_smallest_image_that_does_as_well() -> None:
    chart = resolution.chart(one())
    assert chart is not None
    assert "512 px" in chart.alt
    assert len(chart.rows) == 3


def test_context_by_distance() -> None:
    chart = context.chart([one()])
    assert chart is not None
    assert "98 % after 1 turn and 82 % after 8 turns" in chart.alt
    assert len(chart.header) == 6


def test_soak_memory_over_the_requests() -> None:
    chart = soak.chart(one())
    assert chart is not None
    drawn = data_of(chart)
    assert any(70 < number < 73 for number in drawn) or any(0.07 < number < 0.073 for number in drawn)
    old = one()
    found = dict(old.found)
    found["soak"] = found["soak"].model_copy(update={"footprints": (), "same_image": ()})
    assert soak.chart(old.model_copy(update={"found": found})) is None, "older results have no series"


def test_pictures_are_well_formed_and_say_what_they_show() -> None:
    charts = [*all_charts(six()), *model_charts(one())]
    ids: list[str] = []
    for chart in charts:
        root = ET.fromstring(svg(chart))  # noqa: S314 - our own drawing
        assert root.get("role") == "img"
        texts = {part.tag.rpartition("}")[2]: part.text for part in root[:2]}
        assert texts == {"title": chart.title, "desc": chart.alt}
        ids += [found for part in root.iter() if (found := part.get("id"))]
        assert root.get("viewBox")
        assert root.get("height") is None, "it is as wide as its place"
    assert len(ids) == len(set(ids)), "many charts stand in one page"


def test_names_from_outside_run_nothing_and_break_nothing() -> None:
    results = [one("a", title=HOSTILE), one("b", title=HOSTILE), one("c", title=LONG * 3)]
    charts = [*all_charts(results), *(chart for result in results for chart in model_charts(result))]
    assert len({chart.name for chart in charts}) == len(charts)
    for chart in charts:
        assert re.fullmatch(r"[a-z0-9-]+", chart.name)
        picture = svg(chart)
        ET.fromstring(picture)  # noqa: S314
        assert "<script" not in picture
        assert "href" not in picture


def test_a_png_is_a_picture_on_white() -> None:
    chart = memory.chart([one()])
    assert chart is not None
    image = Image.open(io.BytesIO(png(chart))).convert("RGB")
    assert image.width > 400
    assert image.getpixel((0, 0)) == (255, 255, 255)


def test_a_computer_that_cannot_draw_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    import vl_convert

    def broken(*args: Any, **more: Any) -> str:
        raise ValueError("no engine")

    monkeypatch.setattr(vl_convert, "vegalite_to_svg", broken)
    chart = memory.chart([one()])
    assert chart is not None
    with pytest.raises(ChartsUnavailable, match="no engine") as caught:
        svg(chart)
    assert "pip install" in caught.value.hint
