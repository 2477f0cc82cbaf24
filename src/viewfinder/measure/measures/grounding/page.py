"""How boxes read in the guide: rows of a model's table."""

from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import NO_BOXES, Row
from viewfinder.measure.measures.grounding.result import Grounding

METHOD = (
    "**Boxes**: the box of one shape of a scene, in the style that the card names; it fits from an IoU of "
    "0.5 on, and an answer without a box has 0.",
)


def rows(found: Grounding | Missing) -> list[Row]:
    if isinstance(found, Missing):
        return [("Boxes", found)] if found == NO_BOXES else []
    rows: list[Row] = [
        ("Boxes that fit (%)", found.fit),
        ("Boxes: mean IoU", found.iou),
        ("Boxes: answers with one (%)", found.given),
    ]
    if found.shift_px is not None:
        right, down = found.shift_px
        rows.append(("Boxes: off to the right, down (px)", f"{right:+.1f}, {down:+.1f}"))
    return rows
