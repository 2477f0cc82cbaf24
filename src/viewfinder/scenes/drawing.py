"""Draws a scene with Pillow and encodes it; called wherever a scene must become bytes."""

import io
import math

import numpy as np
from PIL import Image, ImageDraw

from viewfinder.scenes.scene import GRID, Background, Scene, Thing

_SHARPEN = 4
"""Shapes are drawn this many times larger (at most 1,024 px wide) and scaled down: smooth edges."""


def paint(scene: Scene) -> Image.Image:
    """The scene as an RGB image of `scene.width` x `scene.height` px."""
    image = _ground(scene)
    factor = max(1, min(_SHARPEN, 1024 // max(scene.size)))
    for thing in scene.things:
        _stamp(image, scene, thing, factor)
    return image


def encode(scene: Scene) -> bytes:
    """The drawn scene in its own codec (PNG, JPEG or WebP)."""
    return saved(paint(scene), scene.codec, quality=scene.quality)


def encode_png(scene: Scene) -> bytes:
    """The drawn scene as PNG, regardless of its codec."""
    return saved(paint(scene), "png")


def saved(image: Image.Image, codec: str, **options: int) -> bytes:
    """The image as a file of this codec; `options` are Pillow's."""
    buffer = io.BytesIO()
    image.save(buffer, codec, **options)
    return buffer.getvalue()


def _ground(scene: Scene) -> Image.Image:
    background: Background = scene.background
    if background.style == "plain":
        return Image.new("RGB", scene.size, background.start)
    pixels = np.empty((scene.height, scene.width, 3), np.float32)
    steps = scene.height if background.vertical else scene.width
    ramp = np.linspace(background.start, background.end, steps, dtype=np.float32)
    pixels[:] = ramp[:, None] if background.vertical else ramp[None]
    if background.noise:
        noise = np.random.default_rng(scene.random("noise").getrandbits(64))
        reach = background.noise
        pixels += noise.integers(-reach, reach + 1, pixels.shape, dtype=np.int8)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def _stamp(image: Image.Image, scene: Scene, thing: Thing, factor: int) -> None:
    x, y, radius = _place_of(scene, thing)
    left, top = math.floor(x - radius) - 1, math.floor(y - radius) - 1
    side = math.ceil(2 * radius) + 3
    mask = Image.new("L", (side * factor, side * factor))
    outline = _outline(thing.shape, (x - left) * factor, (y - top) * factor, radius * factor)
    draw = ImageDraw.Draw(mask)
    if thing.shape == "circle":
        draw.ellipse(outline, fill=255)
    else:
        draw.polygon(outline, fill=255)
    if factor > 1:
        mask = mask.resize((side, side), Image.Resampling.BOX)
    image.paste(thing.rgb, (left, top), mask)


def edges_of(scene: Scene, thing: Thing) -> tuple[float, float, float, float]:
    """The box of a shape in the picture: left, top, right and bottom in px."""
    corners = _outline(thing.shape, *_place_of(scene, thing))
    across, down = [x for x, _ in corners], [y for _, y in corners]
    return min(across), min(down), max(across), max(down)


def _place_of(scene: Scene, thing: Thing) -> tuple[float, float, float]:
    """The middle of a shape and the radius of the circle around it, in px."""
    cell_width, cell_height = scene.width / GRID, scene.height / GRID
    x = (thing.column + 0.5 + thing.dx) * cell_width
    y = (thing.row + 0.5 + thing.dy) * cell_height
    return x, y, thing.radius * min(cell_width, cell_height)


def _outline(shape: str, x: float, y: float, radius: float) -> list[tuple[float, float]]:
    """Corners in px of the shape within this circumscribed circle; for a circle, its bounding box."""
    if shape == "circle":
        return [(x - radius, y - radius), (x + radius, y + radius)]
    if shape == "square":
        half = radius * 0.85
        return [(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)]
    if shape == "triangle":
        return [_corner(x, y, radius, turn / 3) for turn in range(3)]
    return [_corner(x, y, radius * (1.0 if turn % 2 == 0 else 0.42), turn / 10) for turn in range(10)]


def _corner(x: float, y: float, radius: float, turn: float) -> tuple[float, float]:
    angle = 2 * math.pi * turn - math.pi / 2
    return x + radius * math.cos(angle), y + radius * math.sin(angle)
