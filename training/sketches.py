"""Draws a wide scene as another program would: other proportions, edges and outlines.

Called by `training.pictures`, `training.photographs` and `training.asking`. How a thing is drawn follows
from the scene's seed.
"""

import dataclasses
import math
import random

from PIL import Image, ImageDraw

from training.wide import WideScene
from viewfinder.scenes.drawing import paint
from viewfinder.scenes.scene import GRID, RGB, Scene, Thing

Point = tuple[float, float]
SMOOTH = (Image.Resampling.BOX, Image.Resampling.LANCZOS, Image.Resampling.BICUBIC, Image.Resampling.HAMMING)
FINEST = 4
"""Smooth edges are drawn this many times larger (at most 1,600 px wide) and scaled down."""


def drawn(scene: Scene) -> Image.Image:
    """The scene as an RGB image: a wide one by a program of its own, any other as Viewfinder draws it."""
    return sketch(scene) if isinstance(scene, WideScene) else paint(scene)


def sketch(scene: WideScene) -> Image.Image:
    """The scene with jagged or smooth edges, and perhaps a thin dark outline."""
    image = paint(dataclasses.replace(scene, things=()))
    pen = scene.random("pen")
    jagged = pen.random() < 0.25
    factor = 1 if jagged else max(1, min(FINEST, 1600 // max(scene.size)))
    smooth = pen.choice(SMOOTH)
    outlined = pen.random() < 0.35
    thickness = pen.uniform(0.005, 0.02) * min(scene.size) if outlined else 0.0
    ink = (pen.choice((0, 0, 40, 70)),) * 3
    for thing in scene.things:
        _stamp(image, scene, thing, pen, factor, smooth, thickness, ink)
    return image


def _stamp(
    image: Image.Image,
    scene: WideScene,
    thing: Thing,
    pen: random.Random,
    factor: int,
    smooth: Image.Resampling,
    thickness: float,
    ink: RGB,
) -> None:
    half = thing.radius * min(scene.size) / GRID
    x = (thing.column + 0.5 + thing.dx) * scene.width / GRID
    y = (thing.row + 0.5 + thing.dy) * scene.height / GRID
    left, top = math.floor(x - half) - 1, math.floor(y - half) - 1
    side = math.ceil(2 * half) + 3
    points = [
        ((x - left + half * across) * factor, (y - top + half * down) * factor)
        for across, down in outline(thing.shape, pen)
    ]
    line = round(thickness * factor)
    if thickness:
        _paste(image, ink, (left, top), _mask(thing.shape, points, side, factor, smooth, 0))
        line = max(1, line)
    _paste(image, thing.rgb, (left, top), _mask(thing.shape, points, side, factor, smooth, line))


def _paste(image: Image.Image, color: RGB, corner: tuple[int, int], mask: Image.Image) -> None:
    image.paste(color, corner, mask)


def _mask(
    shape: str, points: list[Point], side: int, factor: int, smooth: Image.Resampling, line: int
) -> Image.Image:
    """The shape without a border of `line` px (of the enlarged drawing)."""
    mask = Image.new("L", (side * factor, side * factor))
    draw = ImageDraw.Draw(mask)
    if shape == "circle":
        draw.ellipse(points, fill=255)
        if line:
            draw.ellipse(points, outline=0, width=line)
    else:
        draw.polygon(points, fill=255)
        if line:
            draw.line([*points, points[0], points[1]], fill=0, width=2 * line)
    return mask.resize((side, side), smooth) if factor > 1 else mask


def outline(shape: str, pen: random.Random) -> list[Point]:
    """Corners within (-1, -1) to (1, 1), whose width they fill; for a circle, its bounding box."""
    if shape == "circle":
        return [(-1, -1), (1, 1)]
    if shape == "square":
        high = pen.choice((1.0, 1.0, pen.uniform(0.94, 1.0)))
        return [(-1, -high), (1, -high), (1, high), (-1, high)]
    if shape == "triangle":
        high = pen.choice((math.sqrt(0.75), 1.0, pen.uniform(0.72, 1.0)))
        return [(0, -high), (1, high), (-1, high)]
    inner = pen.choice((0.382, 0.42, 0.5, pen.uniform(0.35, 0.52)))
    turns = [(turn * math.pi / 5, 1.0 if turn % 2 == 0 else inner) for turn in range(10)]
    corners = [(far * math.sin(angle), -far * math.cos(angle)) for angle, far in turns]
    wide, top, bottom = max(x for x, _ in corners), min(y for _, y in corners), max(y for _, y in corners)
    return [(x / wide, (y - (top + bottom) / 2) / wide) for x, y in corners]
