"""What the user's own questions showed, as rows of a recipe; called by `tables`, and by the CLI's table."""

from collections.abc import Callable

from viewfinder.measure.figures import Measured, Missing
from viewfinder.measure.results import ModelResult


def rows(result: ModelResult, cell: Callable[[Measured], str]) -> list[tuple[str, str]]:
    """Accuracy and exact match side by side; nothing when none were asked. `cell` prints a figure."""
    if result.vqa is None:
        return []
    exact = result.vqa if isinstance(result.vqa, Missing) else result.vqa.exact
    return [
        ("Own questions, VQA v2 accuracy (%)", cell(accuracy(result))),
        ("Own questions, strict exact match (%)", cell(exact)),
    ]


def accuracy(result: ModelResult) -> Measured:
    """VQA v2's accuracy, in percent."""
    if result.vqa is None:
        return Missing(missing="none were asked")
    return result.vqa if isinstance(result.vqa, Missing) else result.vqa.accuracy
