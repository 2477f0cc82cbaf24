"""Colors as other programs and people choose them, each with one clear name; called by `training.wide`."""

import colorsys
import random

from viewfinder.scenes.scene import COLORS, RGB

NAMED: dict[str, tuple[RGB, ...]] = {
    "red": ((255, 0, 0), (237, 28, 36), (214, 39, 40), (244, 67, 54), (220, 20, 60), (204, 0, 0)),
    "green": ((0, 128, 0), (0, 255, 0), (34, 177, 76), (44, 160, 44), (76, 175, 80), (0, 176, 80)),
    "blue": ((0, 0, 255), (63, 72, 204), (31, 119, 180), (33, 150, 243), (0, 112, 192), (65, 105, 225)),
    "yellow": ((255, 255, 0), (255, 242, 0), (255, 235, 59), (255, 215, 0), (253, 216, 53)),
    "purple": (
        (128, 0, 128),
        (163, 73, 164),
        (148, 103, 189),
        (156, 39, 176),
        (112, 48, 160),
        (138, 43, 226),
    ),
    "orange": ((255, 165, 0), (255, 127, 14), (255, 127, 39), (255, 152, 0), (255, 140, 0), (237, 125, 49)),
    "black": ((0, 0, 0), (33, 33, 33)),
    "white": ((255, 255, 255), (248, 248, 248)),
}
"""What HTML, painting programs, office suites and charts mean by these names."""

HUES: dict[str, tuple[tuple[int, int], tuple[float, float], tuple[float, float]]] = {
    "red": ((-8, 7), (0.72, 1.0), (0.68, 1.0)),
    "green": ((95, 148), (0.5, 1.0), (0.42, 1.0)),
    "blue": ((206, 240), (0.6, 1.0), (0.6, 1.0)),
    "yellow": ((49, 61), (0.65, 1.0), (0.88, 1.0)),
    "purple": ((271, 298), (0.42, 1.0), (0.45, 0.8)),
    "orange": ((22, 38), (0.75, 1.0), (0.9, 1.0)),
}
"""Hue in degrees, saturation and value that have one clear name."""


def pick(name: str, rng: random.Random) -> RGB:
    """A color of this name: Viewfinder's, another program's, or any with a clear name."""
    way = rng.random()
    if way < 0.2:
        return near(COLORS[name], 10, rng)
    if way < 0.65 or name not in HUES:
        return near(rng.choice(NAMED[name]), rng.choice((0, 10)), rng)
    hue, saturation, value = (rng.uniform(*bounds) for bounds in HUES[name])
    red, green, blue = colorsys.hsv_to_rgb(hue / 360 % 1, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def near(base: RGB, reach: int, rng: random.Random) -> RGB:
    """The color, with each channel up to `reach` off."""
    red, green, blue = (min(255, max(0, channel + rng.randint(-reach, reach))) for channel in base)
    return red, green, blue
