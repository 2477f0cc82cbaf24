"""Scenes as a camera takes them, and shrunk; called by the language stage and by `training.measure`."""

import numpy as np
from PIL import Image

from training.sketches import drawn
from viewfinder.scenes.drawing import saved
from viewfinder.scenes.scene import Scene

SENSOR_NOISE = 8.0
"""Largest standard deviation of a photograph's noise, out of 255."""


def photograph(scene: Scene) -> bytes:
    """The drawn scene as from a camera: slight sensor noise, a JPEG of quality 40 to 95.

    Both are drawn from the scene's seed; its own codec and quality do not matter.
    """
    camera = scene.random("camera")
    grain = np.random.default_rng(camera.getrandbits(64))
    pixels = np.asarray(drawn(scene), np.float32)
    pixels = pixels + camera.uniform(1.0, SENSOR_NOISE) * grain.standard_normal(pixels.shape, np.float32)
    quality = camera.randint(40, 95)
    return saved(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)), "jpeg", quality=quality)


def shrunk_png(scene: Scene, longest: int) -> bytes:
    """The drawn scene as PNG, shrunk to `longest` px if it is longer."""
    image = drawn(scene)
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return saved(image, "png")
