"""A drawn scene shows exactly its things."""

import io

import numpy as np
import pytest
from PIL import Image

from viewfinder.scenes.drawing import encode, encode_png, paint
from viewfinder.scenes.scene import GRID, Scene, make_scene

SCENES = [make_scene(f"drawing/{number}", longest=(96, 400)) for number in range(60)]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.seed)
def test_each_thing_has_its_color_at_its_center(scene: Scene) -> None:
    pixels = np.asarray(paint(scene)).astype(int)
    for thing in scene.things:
        x = int((thing.column + 0.5 + thing.dx) * scene.width / GRID)
        y = int((thing.row + 0.5 + thing.dy) * scene.height / GRID)
        assert abs(pixels[y, x] - np.array(thing.rgb)).max() <= 2


def test_the_picture_has_the_scenes_size_and_codec() -> None:
    for scene in SCENES[:20]:
        image = Image.open(io.BytesIO(encode(scene)))
        assert image.size == scene.size
        assert image.format == scene.codec.upper()


def test_the_same_scene_gives_the_same_bytes() -> None:
    assert all(encode(scene) == encode(scene) for scene in SCENES[:20])
    assert all(encode_png(scene) == encode_png(scene) for scene in SCENES[:20])


def test_a_large_canvas_is_painted() -> None:
    scene = make_scene("large", longest=(1024, 1024))
    assert max(paint(scene).size) == 1024


def test_a_shape_fills_its_geometric_share_of_the_circle() -> None:
    """A square of half-side 0.85 r covers 0.92 of the circle, a star with inner radius 0.42 r 0.39."""
    due = {"circle": 1.0, "square": 0.92, "triangle": 0.413, "star": 0.393}
    seen = {}
    for number in range(80):
        scene = make_scene(f"area/{number}", things=1, longest=(400, 400))
        (thing,) = scene.things
        pixels = np.asarray(paint(scene)).astype(int)
        covered = (abs(pixels - np.array(thing.rgb)).max(-1) <= 2).sum()
        radius = thing.radius * min(scene.size) / GRID
        seen[thing.shape] = covered / (np.pi * radius**2)
    for shape, share in due.items():
        assert seen[shape] == pytest.approx(share, abs=0.06), shape
