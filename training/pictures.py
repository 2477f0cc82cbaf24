"""Scenes as the tiles that the vision tower gets; called by both stages.

llama.cpp stretches the original to the overview, bilinearly and without antialiasing, and fits it into the
tiles with black padding; transformers stretches it to the tiles with Lanczos and scales the overview from
there. The model is trained on both, so that it answers alike in both engines. Only the overview is the same
picture in both: that is why it alone carries the scene's grid.
"""

import io
import random

import numpy as np
from PIL import Image, ImageOps

from training.model import LONGEST_EDGE, TILE
from training.photographs import photograph
from training.sketches import drawn
from viewfinder.scenes.scene import COLORS, GRID, SHAPES, Scene

NO_SHAPE, NO_COLOR = len(SHAPES), len(COLORS)


def tiles(scene: Scene, rng: random.Random, *, photographed: bool = False) -> np.ndarray:
    """The scene's four tiles and its overview, uint8 (5, 96, 96, 3)."""
    image = _decoded(photograph(scene)) if photographed else _as_sent(scene)
    if rng.random() < 0.6:
        large, overview = _padded(image, LONGEST_EDGE), _bilinear(image, TILE)
    else:
        resampling = rng.choice(
            (Image.Resampling.LANCZOS, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC)
        )
        scaled = image.resize((LONGEST_EDGE, LONGEST_EDGE), resampling)
        large, overview = np.asarray(scaled), np.asarray(scaled.resize((TILE, TILE), resampling))
    corners = [large[y : y + TILE, x : x + TILE] for y in (0, TILE) for x in (0, TILE)]
    return np.stack([*corners, overview])


def labels(scene: Scene) -> np.ndarray:
    """Shape and color under each image token, int64 (5, 9, 2): the thing whose centre is there."""
    found = np.empty((5, GRID * GRID, 2), np.int64)
    found[:] = NO_SHAPE, NO_COLOR
    for thing in scene.things:
        pair = SHAPES.index(thing.shape), tuple(COLORS).index(thing.color)
        found[4, thing.row * GRID + thing.column] = pair
        x, y = 2 * (thing.column + 0.5 + thing.dx), 2 * (thing.row + 0.5 + thing.dy)
        column, row = int(x), int(y)
        tile = 2 * (row // GRID) + column // GRID
        found[tile, (row % GRID) * GRID + column % GRID] = pair
    return found


def _as_sent(scene: Scene) -> Image.Image:
    """The scene with its codec's artifacts; PNG has none, and WebP's fastest method is enough."""
    image = drawn(scene)
    if scene.codec == "png":
        return image
    buffer = io.BytesIO()
    image.save(buffer, scene.codec.upper(), quality=scene.quality, method=0)
    return _decoded(buffer.getvalue())


def _decoded(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def _bilinear(image: Image.Image, side: int) -> np.ndarray:
    """Interpolation of four neighbours to (side, side), sampled where llama.cpp samples: x * ratio."""
    across, down = (image.width - 1) / side, (image.height - 1) / side
    matrix = (across, 0, 0.5 - 0.5 * across, 0, down, 0.5 - 0.5 * down)
    scaled = image.transform((side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return np.asarray(scaled)


def _padded(image: Image.Image, side: int) -> np.ndarray:
    """The whole image in the middle of a black square of (side, side)."""
    fitted = ImageOps.pad(image, (side, side), Image.Resampling.BICUBIC, color=(0, 0, 0))
    return np.asarray(fitted)
