"""The rows of the user's own questions."""

from tests.measure.measures.shown import items, shown_rows
from tests.report.conftest import Make
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.own_images.page import rows
from viewfinder.measure.measures.own_images.result import OwnImages


def test_none_were_asked(make: Make) -> None:
    assert not any("Own questions" in item for item in items(make.result()))


def test_accuracy_and_exact_match_side_by_side(make: Make) -> None:
    accuracy, exact = make.figure(82.1, 9.0, "%", how="VQA v2"), make.figure(60.4, 12.0, "%", how="EM")
    found = OwnImages(
        folder="mine", questions=40, asked=30, images=10, answered=30, accuracy=accuracy, exact=exact
    )
    assert shown_rows(rows(found)) == [
        ("Own questions, VQA v2 accuracy (%)", "82.1 (73.1 to 91.1), n=30"),
        ("Own questions, strict exact match (%)", "60 (48 to 72), n=30"),
    ]
    in_guide = items(make.result(own_images=found))
    assert in_guide["Own questions, VQA v2 accuracy (%)"] == ("82.1 (73.1 to 91.1)", "30")
    assert [value.how for _, value in rows(found) if isinstance(value, Figure)] == ["VQA v2", "EM"]


def test_a_variant_without_vision_says_why() -> None:
    why = "this variant takes no images"
    cells = shown_rows(rows(Missing(missing=why)))
    assert [cell for _, cell in cells] == [why, why]
    assert all(item.startswith("Own questions, ") for item, _ in cells)
