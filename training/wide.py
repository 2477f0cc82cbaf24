"""Scenes as people and other programs draw them: things of up to nine tenths of the picture's width.

`viewfinder.scenes.make_scene` stays within a cell of the grid, and measures and tests depend on its pictures;
these are training's own. A thing belongs to the cell of its centre. Called by the tower's and the language
model's last stages, and by `training.measure`.
"""

import math
import random
from dataclasses import dataclass

from training.palette import near, pick
from viewfinder.scenes.scene import (
    COLORS,
    GRID,
    MAX_SIDE,
    MIN_CONTRAST,
    MIN_SIDE,
    RGB,
    SHAPES,
    Background,
    Scene,
    Thing,
    make_scene,
)

NARROWEST, WIDEST = 0.16, 0.92
"""Widths of a thing, as shares of the picture's width."""
WIDEST_OF_SEVERAL = 0.6
FITS = 0.95
"""Largest share of the picture's height that a thing takes."""
OFF_CENTRE, LONE_OFF_CENTRE = 0.35, 0.46
"""Farthest centre from its cell's, in cells: farther, and a person would hesitate which cell it is. A lone
thing comes closer to the border: what it is can be said wherever it is."""
GAP = 0.02
TRIES = 40
LONE = 0.55
"""Share of the wide scenes with one thing."""


@dataclass(frozen=True, slots=True)
class WideScene(Scene):
    """A scene for `training.sketches`; a thing's `radius` is half of its width, its centre the middle of its
    bounding box."""


@dataclass(frozen=True, slots=True)
class _Box:
    """A thing's middle and size, as shares of the picture's width and height."""

    x: float
    y: float
    width: float
    height: float

    @property
    def cell(self) -> tuple[int, int]:
        return int(GRID * self.y), int(GRID * self.x)

    @property
    def off(self) -> tuple[float, float]:
        """The middle's offset from its cell's, in cells, down and across."""
        row, column = self.cell
        return GRID * self.y - row - 0.5, GRID * self.x - column - 0.5

    def apart(self, other: "_Box") -> bool:
        return (
            abs(self.x - other.x) >= (self.width + other.width) / 2 + GAP
            or abs(self.y - other.y) >= (self.height + other.height) / 2 + GAP
        )


def make_wide_scene(
    seed: str | int,
    *,
    share: float | None = None,
    longest: tuple[int, int] = (MIN_SIDE, MAX_SIDE),
) -> WideScene:
    """Draw the wide scene of this seed; with `share`, one thing of that share of the width of a picture that
    is not wider than high."""
    plain = make_scene(seed, longest=longest)
    rng = random.Random(f"wide/{seed}")
    width, height = sorted(plain.size) if share else plain.size
    found = None
    while found is None:
        found = _attempt(rng, width, height, share)
    placed, background = found
    return WideScene(plain.seed, width, height, placed, background, plain.codec, plain.quality)


def mixed_scene(seed: str, *, longest: tuple[int, int]) -> Scene:
    """A scene of the last stages: half of them as the first stages drew them, half of them wide."""
    narrow = random.Random(f"mixed/{seed}").random() < 0.5
    return make_scene(seed, longest=longest) if narrow else make_wide_scene(seed, longest=longest)


def _attempt(
    rng: random.Random, width: int, height: int, share: float | None
) -> tuple[tuple[Thing, ...], Background] | None:
    """Things and a background, or None when the things have no room or no background fits their colors."""
    aspect = width / height
    lone = share is not None or rng.random() < LONE
    boxes = _lone(rng, share, aspect) if lone else _several(rng, aspect)
    if not boxes:
        return None
    kinds = [(shape, color) for shape in SHAPES for color in COLORS]
    things = []
    for box, (shape, color) in zip(boxes, rng.sample(kinds, len(boxes)), strict=True):
        (row, column), (dy, dx) = box.cell, box.off
        radius = box.width / 2 * width / (min(width, height) / GRID)
        things.append(Thing(shape, color, row, column, radius, dx, dy, pick(color, rng)))
    placed = tuple(sorted(things, key=lambda thing: (thing.row, thing.column)))
    background = _background(rng, placed)
    return (placed, background) if background else None


def _lone(rng: random.Random, share: float | None, aspect: float) -> list[_Box]:
    """One thing of this width, or of any; none when it has no clear cell."""
    found = _box(rng, share or rng.uniform(NARROWEST, WIDEST), aspect, LONE_OFF_CENTRE)
    return [found] if found else []


def _several(rng: random.Random, aspect: float) -> list[_Box]:
    """Two to four things that do not overlap, in cells of their own; none when they have no room."""
    count = rng.randint(2, 4)
    boxes: list[_Box] = []
    widest = WIDEST_OF_SEVERAL
    for _ in range(TRIES):
        found = _box(rng, rng.uniform(NARROWEST, widest), aspect, OFF_CENTRE)
        if found and all(found.apart(box) and found.cell != box.cell for box in boxes):
            boxes.append(found)
        else:
            widest = max(NARROWEST, 0.95 * widest)
        if len(boxes) == count:
            return boxes
    return []


def _box(rng: random.Random, width: float, aspect: float, off_centre: float) -> _Box | None:
    """A place for a thing of this width, or None when the drawn one is between two cells. The box is square;
    `training.sketches` draws no thing higher than wide."""
    width = min(width, FITS / aspect)
    height = width * aspect
    x, y = rng.uniform(width / 2, 1 - width / 2), rng.uniform(height / 2, 1 - height / 2)
    if rng.random() < 0.25:
        x, y = (x, 0.5) if rng.random() < 0.5 else (0.5, 0.5)
    box = _Box(x, y, width, height)
    return box if max(map(abs, box.off)) <= off_centre else None


def _background(rng: random.Random, things: tuple[Thing, ...]) -> Background | None:
    """Mostly plain white or pale, with enough contrast to every thing; None when none was found."""
    for _ in range(TRIES):
        start = _paper(rng)
        way = rng.random()
        end = _paper(rng) if way < 0.12 else start
        middle = ((start[0] + end[0]) // 2, (start[1] + end[1]) // 2, (start[2] + end[2]) // 2)
        clear = (math.dist(paper, thing.rgb) for paper in (start, middle, end) for thing in things)
        if min(clear) < MIN_CONTRAST:
            continue
        noise = rng.randint(4, 14) if way > 0.9 else 0
        style = "noise" if noise else "gradient" if end != start else "plain"
        return Background(style, start, end, vertical=rng.random() < 0.5, noise=noise)
    return None


def _paper(rng: random.Random) -> RGB:
    way = rng.random()
    if way < 0.45:
        return near((255, 255, 255), rng.choice((0, 0, 10)), rng)
    if way < 0.53:
        return near((0, 0, 0), rng.choice((0, 20)), rng)
    grey = rng.randint(60, 250)
    return near((grey, grey, grey), 25, rng) if way < 0.85 else near((225, 225, 225), 30, rng)
