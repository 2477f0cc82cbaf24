"""How well a model's boxes fit, as it is stored."""

from viewfinder.measure.figures import Frozen, Measured


class Grounding(Frozen):
    """`fit` is the share of boxes whose IoU with the shape's own box is at least 0.5, `iou` the mean of all,
    where an answer without a box counts as 0; `given` is the share of answers with a box. `shift_px` is how
    far a fitting box's middle lies from the shape's, right and down, in px of a picture of 512."""

    asked: int
    failed: int
    style: str
    fit: Measured
    iou: Measured
    given: Measured
    shift_px: tuple[float, float] | None
