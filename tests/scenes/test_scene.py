"""Scenes are the ground truth for everything else, so their contents must be exact."""

import math

import pytest

from viewfinder.scenes.scene import (
    COLORS,
    GRID,
    MAX_SCENE_ASPECT,
    MAX_SIDE,
    MIN_CONTRAST,
    MIN_SIDE,
    SHAPES,
    make_scene,
)

FROZEN = (
    97,
    96,
    "png",
    [("square", "black", 0, 1), ("circle", "white", 0, 2), ("square", "red", 2, 1), ("star", "green", 2, 2)],
)
"""The scene of the seed "frozen": width, height, codec, things."""
SCENES = [make_scene(f"test/{number}") for number in range(400)]


def test_one_seed_is_one_scene() -> None:
    assert make_scene("a") == make_scene("a")
    assert make_scene("a") != make_scene("b")


def test_a_scene_never_changes_with_a_release() -> None:
    """Measurements of different versions are compared: the scene behind a seed is part of the format.

    It once hung on the order of a set, which differs from one process to the next.
    """
    scene = make_scene("frozen")
    assert (scene.width, scene.height, scene.codec) == FROZEN[:3]
    assert [(thing.shape, thing.color, thing.row, thing.column) for thing in scene.things] == FROZEN[3]


def test_counts_and_canvases_cover_what_is_promised() -> None:
    assert {len(scene.things) for scene in SCENES} == {1, 2, 3, 4}
    assert {thing.shape for scene in SCENES for thing in scene.things} == set(SHAPES)
    assert {thing.color for scene in SCENES for thing in scene.things} == set(COLORS)
    assert {scene.codec for scene in SCENES} == {"png", "jpeg", "webp"}
    assert {scene.background.style for scene in SCENES} == {"plain", "gradient", "noise"}
    for scene in SCENES:
        assert MIN_SIDE <= min(scene.size) <= max(scene.size) <= MAX_SIDE
        assert max(scene.size) / min(scene.size) <= MAX_SCENE_ASPECT + 0.01
        assert 70 <= scene.quality <= 95
    assert max(max(scene.size) for scene in SCENES) > 900
    assert min(max(scene.size) for scene in SCENES) < 120


def test_no_two_things_are_alike_or_share_a_cell() -> None:
    for scene in SCENES:
        assert len({(thing.shape, thing.color) for thing in scene.things}) == len(scene.things)
        assert len({(thing.row, thing.column) for thing in scene.things}) == len(scene.things)


def test_things_stay_inside_their_cells() -> None:
    for scene in SCENES:
        for thing in scene.things:
            assert abs(thing.dx) + thing.radius <= 0.5 + 1e-9
            assert abs(thing.dy) + thing.radius <= 0.5 + 1e-9
            assert 0 <= thing.row < GRID
            assert 0 <= thing.column < GRID


def test_every_thing_has_contrast_to_its_background() -> None:
    for scene in SCENES:
        for thing in scene.things:
            assert math.dist(scene.background.start, thing.rgb) >= MIN_CONTRAST
            assert math.dist(scene.background.end, thing.rgb) >= MIN_CONTRAST


def test_things_can_be_counted_out() -> None:
    assert [len(make_scene("n", things=count).things) for count in (1, 2, 3, 4)] == [1, 2, 3, 4]


def test_the_canvas_can_be_bounded() -> None:
    assert max(make_scene("c", longest=(512, 512)).size) == 512


def test_random_is_apart_for_each_purpose() -> None:
    scene = make_scene("r")
    assert scene.random("a").random() == scene.random("a").random()
    assert scene.random("a").random() != scene.random("b").random()


@pytest.mark.parametrize("name", COLORS)
def test_colors_are_far_apart(name: str) -> None:
    others = [rgb for other, rgb in COLORS.items() if other != name]
    assert min(math.dist(COLORS[name], rgb) for rgb in others) > 60
