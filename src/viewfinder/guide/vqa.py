"""What the user's own questions showed, as rows of a recipe; called by `tables`."""

from collections.abc import Callable

from viewfinder.bench.results.figures import Measured, Missing
from viewfinder.bench.results.model import ModelResult

LABELS = ("Own questions, VQA v2 accuracy (%)", "Own questions, strict exact match (%)")


def rows(result: ModelResult, cell: Callable[[Measured], str]) -> list[tuple[str, str]]:
    """Accuracy and exact match side by side; nothing when none were asked. `cell` prints a figure."""
    if result.vqa is None:
        return []
    if isinstance(result.vqa, Missing):
        return [(label, cell(result.vqa)) for label in LABELS]
    figures = (result.vqa.accuracy, result.vqa.exact)
    return [(label, cell(figure)) for label, figure in zip(LABELS, figures, strict=True)]
