"""A photograph shows its scene with noise; a shrunk picture keeps its shape."""

import io

import numpy as np
import pytest
from PIL import Image

from training.photographs import SENSOR_NOISE, photograph, shrunk_png
from viewfinder.scenes.drawing import paint
from viewfinder.scenes.scene import make_scene

SCENES = [make_scene(f"drawing/{number}", longest=(96, 400)) for number in range(20)]


def test_a_photograph_is_a_jpeg_of_the_scene_with_slight_noise() -> None:
    """A JPEG of low quality smooths noise away, and adds its own at edges."""
    for scene in SCENES:
        assert photograph(scene) == photograph(scene)
        with Image.open(io.BytesIO(photograph(scene))) as image:
            assert image.format == "JPEG"
            assert image.size == scene.size
            off = np.asarray(image).astype(float) - np.asarray(paint(scene))
        assert 0.3 < off.std() < 2 * SENSOR_NOISE
        assert abs(off.mean()) < 2


def test_a_picture_is_shrunk_to_its_longest_side_and_never_enlarged() -> None:
    for scene in SCENES:
        for longest in (32, 64, 1024):
            size = Image.open(io.BytesIO(shrunk_png(scene, longest))).size
            assert max(size) == min(longest, max(scene.size))
            assert size[0] / size[1] == pytest.approx(scene.width / scene.height, rel=0.04)
