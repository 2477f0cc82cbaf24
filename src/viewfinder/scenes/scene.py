"""Scenes: one to four solid shapes on a 3x3 grid, drawn from a seed.

Called wherever a picture with exactly known content is needed.
"""

import math
import random
from dataclasses import dataclass
from typing import Literal

RGB = tuple[int, int, int]
Codec = Literal["png", "jpeg", "webp"]
BackgroundStyle = Literal["plain", "gradient", "noise"]

SHAPES = ("circle", "square", "triangle", "star")
COLORS: dict[str, RGB] = {
    "red": (220, 40, 40),
    "green": (40, 160, 60),
    "blue": (40, 80, 220),
    "yellow": (240, 210, 40),
    "purple": (140, 50, 170),
    "orange": (245, 140, 30),
    "black": (20, 20, 20),
    "white": (245, 245, 245),
}
GRID = 3
MIN_SIDE, MAX_SIDE = 96, 1024
MAX_SCENE_ASPECT = 1.5
SMALLEST, LARGEST = 0.24, 0.46
MIN_CONTRAST = 85.0
"""Euclidean distance in RGB, 0 to 442."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One solid shape.

    `row` and `column` are 0 to 2; `radius` is a share of the cell's shorter side; `dx` and `dy`
    are the centre's offset from the cell's centre, as a share of the cell's width and height.
    """

    shape: str
    color: str
    row: int
    column: int
    radius: float
    dx: float
    dy: float
    rgb: RGB


@dataclass(frozen=True, slots=True)
class Background:
    """`start` and `end` are the ends of a gradient (equal otherwise), `noise` its half-width."""

    style: BackgroundStyle
    start: RGB
    end: RGB
    vertical: bool
    noise: int


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture before it is drawn; `things` are in reading order (row by row)."""

    seed: str
    width: int
    height: int
    things: tuple[Thing, ...]
    background: Background
    codec: Codec
    quality: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in px, in Pillow's order."""
        return self.width, self.height

    def random(self, purpose: str) -> random.Random:
        """A separate generator for each purpose, so that one draw never changes another."""
        return random.Random(f"{self.seed}/{purpose}")


def make_scene(
    seed: str | int,
    *,
    things: int | None = None,
    longest: tuple[int, int] = (MIN_SIDE, MAX_SIDE),
) -> Scene:
    """Draw the scene of this seed: the same seed gives the same scene on every machine.

    `things` fixes the number of shapes (1 to 4); `longest` bounds the canvas' longer side in px.
    """
    rng = random.Random(f"scene/{seed}")
    width, height = _canvas(rng, longest)
    placed = _things(rng, rng.randint(1, 4) if things is None else things)
    codec: Codec = rng.choice(("png", "jpeg", "webp"))
    return Scene(
        seed=str(seed),
        width=width,
        height=height,
        things=placed,
        background=_background(rng, placed),
        codec=codec,
        quality=rng.randint(70, 95),
    )


def _canvas(rng: random.Random, longest: tuple[int, int]) -> tuple[int, int]:
    low, high = longest
    long_side = round(math.exp(rng.uniform(math.log(low), math.log(high))))
    short_side = max(MIN_SIDE, round(long_side / rng.uniform(1.0, MAX_SCENE_ASPECT)))
    long_side = max(long_side, short_side)
    return (long_side, short_side) if rng.random() < 0.5 else (short_side, long_side)


def _things(rng: random.Random, count: int) -> tuple[Thing, ...]:
    kinds = [(shape, color) for shape in SHAPES for color in COLORS]
    cells = rng.sample(range(GRID * GRID), count)
    placed = []
    for (shape, color), cell in zip(rng.sample(kinds, count), cells, strict=True):
        radius = rng.uniform(SMALLEST, LARGEST)
        slack = 0.5 - radius
        row, column = divmod(cell, GRID)
        placed.append(
            Thing(
                shape=shape,
                color=color,
                row=row,
                column=column,
                radius=radius,
                dx=rng.uniform(-slack, slack),
                dy=rng.uniform(-slack, slack),
                rgb=_shade(rng, COLORS[color], 10),
            )
        )
    return tuple(sorted(placed, key=lambda thing: (thing.row, thing.column)))


def _shade(rng: random.Random, base: RGB, reach: int) -> RGB:
    red, green, blue = (min(255, max(0, channel + rng.randint(-reach, reach))) for channel in base)
    return red, green, blue


def _background(rng: random.Random, things: tuple[Thing, ...]) -> Background:
    style: BackgroundStyle = rng.choice(("plain", "gradient", "noise"))
    start = _muted(rng, things)
    end = _muted(rng, things) if style == "gradient" else start
    while any(math.dist(_middle(start, end), thing.rgb) < MIN_CONTRAST for thing in things):
        end = _muted(rng, things)
    noise = rng.randint(4, 14) if style == "noise" else 0
    return Background(style, start, end, vertical=rng.random() < 0.5, noise=noise)


def _muted(rng: random.Random, things: tuple[Thing, ...]) -> RGB:
    """A greyish color with enough contrast to every shape of the scene."""
    while True:
        grey = rng.randint(60, 225)
        color = _shade(rng, (grey, grey, grey), 25)
        if all(math.dist(color, thing.rgb) >= MIN_CONTRAST for thing in things):
            return color


def _middle(a: RGB, b: RGB) -> RGB:
    return (a[0] + b[0]) // 2, (a[1] + b[1]) // 2, (a[2] + b[2]) // 2
