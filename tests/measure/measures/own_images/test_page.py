"""The rows of the user's own questions."""

from typing import Any

from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.own_images.page import rows
from viewfinder.measure.measures.own_images.result import OwnImages
from viewfinder.report.figures import brief
from viewfinder.report.markdown import Notes
from viewfinder.report.tables import Tables


def test_none_were_asked(make: Any) -> None:
    assert rows(make.result(), str) == []


def test_accuracy_and_exact_match_side_by_side(make: Any) -> None:
    accuracy, exact = make.figure(82.1, 9.0, "%", how="VQA v2"), make.figure(60.4, 12.0, "%", how="EM")
    vqa = OwnImages(
        folder="mine", questions=40, asked=30, images=10, answered=30, accuracy=accuracy, exact=exact
    )
    assert rows(make.result(vqa=vqa), brief) == [
        ("Own questions, VQA v2 accuracy (%)", "82.1 (73.1 to 91.1, n=30)"),
        ("Own questions, strict exact match (%)", "60 (48 to 72, n=30)"),
    ]
    notes = Notes()
    recipe = Tables(notes).recipe(make.result(vqa=vqa))
    assert "| Own questions, VQA v2 accuracy (%) | 82.1 (73.1 to 91.1, n=30)[^" in recipe
    assert any(line.endswith(": VQA v2") for line in notes.definitions())


def test_a_variant_without_vision_says_why(make: Any) -> None:
    recipe = Tables(Notes()).recipe(make.result(vqa=Missing(missing="this variant takes no images")))
    assert recipe.count("| Own questions, ") == 2
