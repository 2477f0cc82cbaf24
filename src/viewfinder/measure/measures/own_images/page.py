"""How the user's own questions read in the guide: two rows of a model's table."""

from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import Row
from viewfinder.measure.measures.own_images.result import OwnImages


def rows(found: OwnImages | Missing) -> list[Row]:
    accuracy, exact = (found, found) if isinstance(found, Missing) else (found.accuracy, found.exact)
    return [
        ("Own questions, VQA v2 accuracy (%)", accuracy),
        ("Own questions, strict exact match (%)", exact),
    ]
