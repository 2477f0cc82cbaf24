"""The colour profile that a PNG's gamma and chromaticities stand for; called by `png_file`.

So there is one way to right colours: a profile, whatever said it.
"""

import struct
from typing import NamedTuple

Chromaticity = tuple[float, float]
Triple = tuple[float, float, float]
Matrix = tuple[Triple, Triple, Triple]


class Primaries(NamedTuple):
    """The chromaticities (x, y) of white and of the three colours."""

    white: Chromaticity
    red: Chromaticity
    green: Chromaticity
    blue: Chromaticity


SRGB = Primaries((0.3127, 0.3290), (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
SRGB_GAMMA = 1 / 2.2
"""What programs write for sRGB, though its curve is another."""
NEAR_GAMMA, NEAR_PAIR = 0.01, 0.002
GAMMAS = (0.1, 10.0)
"""A gamma beyond these is a mistake."""
D50: Triple = (0.9642, 1.0, 0.8249)
"""The white of every ICC profile."""
BRADFORD: Matrix = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))
SRGB_CURVE = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)


def matrix_profile(gamma: float | None, primaries: Primaries | None) -> bytes:
    """An ICC profile; empty for sRGB, and for values that cannot be."""
    if gamma is not None and (not GAMMAS[0] <= gamma <= GAMMAS[1] or abs(gamma - SRGB_GAMMA) < NEAR_GAMMA):
        gamma = None
    if primaries is None or _is_near(primaries, SRGB):
        primaries = SRGB
    if gamma is None and primaries is SRGB:
        return b""
    try:
        colours = _adapted(primaries)
    except ZeroDivisionError:
        return b""
    if any(abs(value) > 4 for colour in colours for value in colour):
        return b""
    return _profile([_xyz(colour) for colour in colours], _curve(gamma))


def _is_near(some: Primaries, others: Primaries) -> bool:
    return all(
        abs(a - b) < NEAR_PAIR
        for pair, other in zip(some, others, strict=True)
        for a, b in zip(pair, other, strict=True)
    )


def _adapted(primaries: Primaries) -> list[Triple]:
    """XYZ of red, green and blue under D50. Raises ZeroDivisionError where there is none."""
    white, *colours = (_of_xy(*pair) for pair in primaries)
    columns = _transposed((colours[0], colours[1], colours[2]))
    shares = _times(_inverse(columns), white)
    here, there = _times(BRADFORD, white), _times(BRADFORD, D50)
    back = _inverse(BRADFORD)
    adapted = []
    for colour, share in zip(colours, shares, strict=True):
        cone = _times(BRADFORD, colour)
        scaled = [value * share * to / was for value, to, was in zip(cone, there, here, strict=True)]
        adapted.append(_times(back, (scaled[0], scaled[1], scaled[2])))
    return adapted


def _of_xy(x: float, y: float) -> Triple:
    return x / y, 1.0, (1 - x - y) / y


def _times(matrix: Matrix, vector: Triple) -> Triple:
    a, b, c = (sum(m * v for m, v in zip(row, vector, strict=True)) for row in matrix)
    return a, b, c


def _transposed(matrix: Matrix) -> Matrix:
    a, b, c = zip(*matrix, strict=True)
    return a, b, c


def _inverse(matrix: Matrix) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = matrix
    whole = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    return (
        ((e * i - f * h) / whole, (c * h - b * i) / whole, (b * f - c * e) / whole),
        ((f * g - d * i) / whole, (a * i - c * g) / whole, (c * d - a * f) / whole),
        ((d * h - e * g) / whole, (b * g - a * h) / whole, (a * e - b * d) / whole),
    )


def _fixed(*values: float) -> bytes:
    """As s15Fixed16Number."""
    return b"".join(round(value * 65536).to_bytes(4, signed=True) for value in values)


def _xyz(colour: Triple) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(*colour)


def _curve(gamma: float | None) -> bytes:
    if gamma is None:
        return b"para\0\0\0\0\0\3\0\0" + _fixed(*SRGB_CURVE)
    return b"para\0\0\0\0\0\0\0\0" + _fixed(1 / gamma)


def _profile(colours: list[bytes], curve: bytes) -> bytes:
    """ICC.1:2010: a head of 128 bytes, the list of the tags, and what they hold."""
    tags = dict(zip((b"rXYZ", b"gXYZ", b"bXYZ"), colours, strict=True))
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    at = 128 + 4 + 12 * len(tags)
    listed, bodies = len(tags).to_bytes(4), b""
    for name, body in tags.items():
        listed += name + struct.pack(">II", at + len(bodies), len(body))
        bodies += body
    head = struct.pack(
        ">I4xI4s4s4s12x4s28x", at + len(bodies), 0x04000000, b"mntr", b"RGB ", b"XYZ ", b"acsp"
    )
    return (head + _fixed(*D50)).ljust(128, b"\0") + listed + bodies
