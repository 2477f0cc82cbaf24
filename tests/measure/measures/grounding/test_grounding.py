"""Boxes of a stand-in that are off by a known amount: how far, and how well they fit, is found."""

import json
from itertools import islice

import numpy as np
import pytest

from tests.measure.planted import Planted
from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.coordinates import CoordinateStyle
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.base import NO_BOXES
from viewfinder.measure.measures.grounding import MEASURE, page
from viewfinder.measure.measures.grounding.ask import BOXES, QUESTIONS, box_questions
from viewfinder.measure.measures.grounding.boxes import iou
from viewfinder.measure.measures.grounding.counts import GroundingCounts
from viewfinder.measure.measures.grounding.result import Grounding
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.prompts import Prompt
from viewfinder.scenes.drawing import edges_of, paint
from viewfinder.scenes.scene import make_scene
from viewfinder.wire.coordinates import BOX_STYLES, STYLE_FORMS
from viewfinder.wire.placing import ImageGrid

COUNTS = GroundingCounts(questions=24, least=24, budget_s=60.0)
GRID = ImageGrid(multiple=32, least_pixels=8192, most_pixels=4_194_304, fit="pad")


def boxes_off_by(right: float, down: float, grid: ImageGrid | None = None):
    """Answers in Qwen3-VL's style with the right box, moved by so much."""

    def answer(scenario: str, prompt: Prompt) -> str:
        if scenario != BOXES:
            return "Shapes."
        width, height, *box = json.loads(prompt.expected)
        moved = [edge + (right, down)[at % 2] for at, edge in enumerate(box)]
        canvas, area = (width, height), (0, 0, width, height)
        if grid is not None:
            canvas, area = grid.canvas(canvas), grid.area(canvas)
        shares = []
        for at, edge in enumerate(moved):
            axis = at % 2
            inner = area[axis] + edge / (width, height)[axis] * (area[axis + 2] - area[axis])
            shares.append(round(min(max(inner / canvas[axis], 0), 1) * 1000))
        return json.dumps({"bbox_2d": shares, "label": "it"})

    return answer


async def found_with(answer, counts: GroundingCounts = COUNTS, **variant: object) -> tuple[Grounding, list]:
    subject = Planted(answer, **{"coordinates": "qwen3-vl", **variant})
    await MEASURE.ask(subject, counts, 0)
    log = ProcessLog(2, subject.asked)
    found = MEASURE.find([log], counts, subject.server.variant)
    assert isinstance(found, Grounding)
    return found, [log]


@pytest.mark.parametrize("grid", [None, GRID])
async def test_right_boxes_fit(grid: ImageGrid | None) -> None:
    found, logs = await found_with(boxes_off_by(0, 0, grid), image_grid=grid)
    assert (found.asked, found.failed, found.style) == (24, 0, "qwen3-vl")
    assert isinstance(found.iou, Figure)
    assert isinstance(found.fit, Figure)
    assert found.iou.value > 0.97
    assert found.fit.value == 100
    assert found.fit.low > 85
    assert found.shift_px == pytest.approx((0, 0), abs=0.3)
    (log,) = logs
    assert {sample.right for sample in log.of(BOXES)} == {True}


@pytest.mark.parametrize(("right", "down"), [(6.0, 0.0), (0.0, -9.0), (-4.0, 5.0)])
async def test_a_planted_shift_is_found(right: float, down: float) -> None:
    found, _ = await found_with(boxes_off_by(right, down))
    assert found.shift_px == pytest.approx((right, down), abs=0.5)
    assert isinstance(found.iou, Figure)
    expected = []
    for prompt in islice(box_questions("grounding", seeing("qwen3-vl"), "qwen3-vl"), 24):
        _, _, *box = json.loads(prompt.expected)
        expected.append(iou(box, [edge + (right, down)[at % 2] for at, edge in enumerate(box)]))
    assert found.iou.value == pytest.approx(np.mean(expected), abs=0.01)
    assert found.iou.low < np.mean(expected) < found.iou.high


async def test_an_engine_that_pads_and_a_card_that_does_not_say_so_is_seen_as_off() -> None:
    """What the card must know: without it, the black border counts as a part of the picture."""
    honest, _ = await found_with(boxes_off_by(0, 0, GRID), image_grid=GRID)
    blind, _ = await found_with(boxes_off_by(0, 0, GRID))
    assert isinstance(honest.iou, Figure)
    assert isinstance(blind.iou, Figure)
    assert blind.iou.value < honest.iou.value


async def test_no_box_counts_as_none_that_fits() -> None:
    found, _ = await found_with(lambda scenario, prompt: "I see shapes at [1, 2, 3, 4].")
    assert [figure.value for figure in (found.fit, found.given, found.iou) if isinstance(figure, Figure)] == [
        0
    ] * 3
    assert found.shift_px is None


async def test_failures_are_left_out_and_many_give_no_figure() -> None:
    numbers = iter(range(100))
    right = boxes_off_by(0, 0)

    def fails_once(scenario: str, prompt: Prompt) -> str:
        return "error: gone" if scenario == BOXES and next(numbers) == 3 else right(scenario, prompt)

    found, _ = await found_with(fails_once)
    assert (found.asked, found.failed) == (24, 1)
    subject = Planted(lambda scenario, prompt: "error: gone", coordinates="qwen3-vl")
    await MEASURE.ask(subject, COUNTS, 0)
    assert isinstance(MEASURE.find([ProcessLog(2, subject.asked)], COUNTS, subject.server.variant), Missing)


async def test_few_give_no_interval_of_the_mean() -> None:
    found, _ = await found_with(boxes_off_by(0, 0), GroundingCounts(5, 5, 60.0))
    assert isinstance(found.iou, Missing)
    assert isinstance(found.fit, Figure)


def seeing(style: CoordinateStyle | None) -> Variant:
    return Variant(name="v", engine="e", repo="r", vision=True, text=True, coordinates=style)


def test_only_variants_whose_card_names_a_style_are_asked() -> None:
    assert MEASURE.skip_reason(Catalog().get("glimpse").variant()) == NO_BOXES
    assert MEASURE.skip_reason(Catalog().get("qwen3-vl-2b").variant()) is None
    assert MEASURE.skip_reason(seeing("molmo")) == NO_BOXES
    assert all(MEASURE.skip_reason(seeing(style)) is None for style in BOX_STYLES)
    assert page.rows(NO_BOXES) == [("Boxes", NO_BOXES)]
    assert page.rows(Missing(missing="the suite does not measure it")) == []
    assert set(QUESTIONS) == set(STYLE_FORMS)


def test_the_engine_makes_its_own_size_of_a_picture() -> None:
    given = EngineSettings(image_tokens=64, threads=3)
    own = MEASURE.engine_settings(given, seeing("qwen3-vl"), 0)
    assert (own.image_tokens, own.threads) == (0, 3)


async def test_the_guide_shows_them() -> None:
    found, _ = await found_with(boxes_off_by(6, 0))
    rows = dict(MEASURE.rows(found))
    assert rows["Boxes: off to the right, down (px)"].startswith("+6.")
    assert Grounding.model_validate_json(found.model_dump_json()) == found


@pytest.mark.parametrize("number", range(4))
def test_the_edges_of_a_shape_are_where_it_is_drawn(number: int) -> None:
    scene = make_scene(f"edges/{number}", longest=(300, 512))
    for thing in scene.things:
        without = [other for other in scene.things if other is not thing]
        pictures = (scene, type(scene)(**{**_fields(scene), "things": tuple(without)}))
        one, other = (np.asarray(paint(picture).convert("RGB"), int) for picture in pictures)
        changed = np.abs(one - other).sum(axis=2) > 40
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        drawn = columns[0], rows[0], columns[-1] + 1, rows[-1] + 1
        assert drawn == pytest.approx(edges_of(scene, thing), abs=2.5)


def _fields(scene) -> dict:
    return {name: getattr(scene, name) for name in scene.__dataclass_fields__}
