"""Wide scenes have the widths that people draw, clear cells and clear colors, and one right answer."""

import itertools
import math
import random

import numpy as np
import pytest

from training.palette import HUES, NAMED, pick
from training.sketches import drawn, outline
from training.wide import (
    FITS,
    LONE_OFF_CENTRE,
    NARROWEST,
    OFF_CENTRE,
    WIDEST,
    WIDEST_OF_SEVERAL,
    WideScene,
    make_wide_scene,
    mixed_scene,
)
from viewfinder.scenes.drawing import paint
from viewfinder.scenes.questions import IMAGE_KINDS, ask_about, is_right
from viewfinder.scenes.scene import COLORS, GRID, MIN_CONTRAST, SHAPES, Thing

SCENES = [make_wide_scene(f"test/{number}", longest=(96, 300)) for number in range(300)]


def width(scene: WideScene, thing: Thing) -> float:
    """The thing's share of the picture's width."""
    return 2 * thing.radius * min(scene.size) / GRID / scene.width


def box(scene: WideScene, thing: Thing) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the thing in px."""
    half = thing.radius * min(scene.size) / GRID
    x = (thing.column + 0.5 + thing.dx) * scene.width / GRID
    y = (thing.row + 0.5 + thing.dy) * scene.height / GRID
    return x - half, y - half, x + half, y + half


def test_the_same_seed_gives_the_same_picture() -> None:
    for number in range(20):
        once, again = (make_wide_scene(number, longest=(96, 200)) for _ in range(2))
        assert once == again
        assert drawn(once).tobytes() == drawn(again).tobytes()


def test_lone_things_have_every_width_and_several_leave_room() -> None:
    lone = [width(scene, scene.things[0]) for scene in SCENES if len(scene.things) == 1]
    assert 0.4 * len(SCENES) < len(lone) < 0.7 * len(SCENES)
    for low, high in itertools.pairwise((NARROWEST, 0.31, 0.5, 0.7, WIDEST)):
        assert sum(low <= one < high for one in lone) >= 0.1 * len(lone), (low, high)
    several = [width(scene, thing) for scene in SCENES if len(scene.things) > 1 for thing in scene.things]
    assert min(several) >= NARROWEST - 1e-9
    assert 0.31 < max(several) <= WIDEST_OF_SEVERAL + 1e-9


def test_a_fixed_width_is_exact_up_to_the_height_of_the_picture() -> None:
    for tenths in range(2, 10):
        for number in range(10):
            scene = make_wide_scene(f"share/{number}", share=tenths / 10, longest=(96, 300))
            assert len(scene.things) == 1
            assert width(scene, scene.things[0]) == pytest.approx(tenths / 10)


def test_things_are_inside_apart_and_in_a_clear_cell() -> None:
    for scene in SCENES:
        boxes = [box(scene, thing) for thing in scene.things]
        off_centre = OFF_CENTRE if len(boxes) > 1 else LONE_OFF_CENTRE
        for thing, (left, top, right, bottom) in zip(scene.things, boxes, strict=True):
            assert left >= -1e-6
            assert top >= -1e-6
            assert right <= scene.width + 1e-6
            assert bottom <= scene.height + 1e-6
            assert bottom - top <= FITS * scene.height + 1e-6
            assert max(abs(thing.dx), abs(thing.dy)) <= off_centre
        for one, other in itertools.combinations(boxes, 2):
            assert one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]
        assert len({(thing.row, thing.column) for thing in scene.things}) == len(scene.things)


def test_what_is_drawn_is_as_wide_as_the_scene_says() -> None:
    """Whatever differs from a plain background is the thing; an outline may be hard to tell from a dark
    one, and the tip of a star is pale."""
    plain = [scene for scene in SCENES if scene.background.style == "plain" and len(scene.things) == 1]
    for scene in plain[:60]:
        pixels = np.asarray(drawn(scene)).astype(int)
        inside = np.abs(pixels - scene.background.start).sum(-1) > 30
        columns = np.flatnonzero(inside.any(0))
        left, _, right, _ = box(scene, scene.things[0])
        near = 2 + 0.06 * (right - left)
        assert columns[0] == pytest.approx(left, abs=near)
        assert columns[-1] + 1 == pytest.approx(right, abs=near)


def test_every_thing_stands_out_from_its_background() -> None:
    for scene in SCENES:
        for thing in scene.things:
            assert math.dist(thing.rgb, scene.background.start) >= MIN_CONTRAST
            assert math.dist(thing.rgb, scene.background.end) >= MIN_CONTRAST


def test_no_color_is_nearer_to_another_name() -> None:
    """The hues of the names do not touch; black is dark and white is pale."""
    assert set(NAMED) == set(COLORS)
    hues = {name: bounds[0] for name, bounds in HUES.items()}
    for (one, (_, end)), (other, (start, _)) in itertools.pairwise(
        sorted(hues.items(), key=lambda item: item[1][0])
    ):
        assert end < start, (one, other)
    rng = random.Random(1)
    for name in ("black", "white"):
        for _ in range(200):
            color = pick(name, rng)
            assert max(color) < 60 if name == "black" else min(color) > 200


def test_outlines_fill_their_width() -> None:
    for shape in SHAPES:
        for number in range(20):
            points = outline(shape, random.Random(number))
            assert min(x for x, _ in points) == pytest.approx(-1)
            assert max(x for x, _ in points) == pytest.approx(1)
            assert max(abs(y) for _, y in points) <= 1 + 1e-9


def test_every_question_about_a_wide_scene_has_its_right_answer() -> None:
    rng = random.Random(2)
    asked = 0
    for scene in SCENES:
        for kind in IMAGE_KINDS:
            if question := ask_about(scene, kind, rng):
                asked += 1
                assert is_right(question, question.answer)
    assert asked > 4 * len(SCENES)


def test_half_of_the_mixed_scenes_are_as_before() -> None:
    scenes = [mixed_scene(f"mixed/{number}", longest=(96, 200)) for number in range(200)]
    narrow = [scene for scene in scenes if not isinstance(scene, WideScene)]
    assert 70 < len(narrow) < 130
    assert all(drawn(scene).tobytes() == paint(scene).tobytes() for scene in narrow[:10])
