"""The box in an answer, and how well it fits; pure, used by `ask` and `find`."""

import json
from collections.abc import Sequence

from viewfinder.catalog.card import Variant
from viewfinder.wire.placing import SeenPicture, place_answer

FITS = 0.5
"""The IoU from which on a box fits, as in PASCAL VOC and RefCOCO."""
Edges = Sequence[float]
"""Left, top, right, bottom in px of the scene."""


def fits(variant: Variant, expected: str, reply: str) -> bool:
    """Whether the reply has a box that fits; `expected` as in `box_in`."""
    box = box_in(reply, expected, variant)
    return box is not None and iou(json.loads(expected)[2:], box) >= FITS


def box_in(text: str, expected: str, variant: Variant) -> Edges | None:
    """The first box of an answer, in pixels of the scene; None where there is none. `expected` has the size
    of the picture, and then the edges of the right box, as JSON."""
    width, height, *_ = json.loads(expected)
    if variant.coordinates is None:
        return None
    seen = SeenPicture.unchanged((width, height))
    placed = place_answer(text, variant.coordinates, variant.image_grid, [seen])
    return next((box["box"] for box in placed.boxes if "box" in box), None)


def iou(one: Edges, other: Edges) -> float:
    """The area that two boxes share over the area that they cover together."""
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(0.0, across) * max(0.0, down)
    return shared / (_area(one) + _area(other) - shared)


def _area(box: Edges) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
