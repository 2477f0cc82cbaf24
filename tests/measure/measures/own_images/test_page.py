"""The rows of the user's own questions."""

from tests.measure.measures.plain_writer import PlainWriter
from tests.report.conftest import Make
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.own_images.page import rows
from viewfinder.measure.measures.own_images.result import OwnImages
from viewfinder.report.markdown import Notes
from viewfinder.report.tables import Tables


def test_none_were_asked(make: Make) -> None:
    assert "Own questions" not in Tables(Notes()).model(make.result())


def test_accuracy_and_exact_match_side_by_side(make: Make) -> None:
    accuracy, exact = make.figure(82.1, 9.0, "%", how="VQA v2"), make.figure(60.4, 12.0, "%", how="EM")
    found = OwnImages(
        folder="mine", questions=40, asked=30, images=10, answered=30, accuracy=accuracy, exact=exact
    )
    assert rows(found, PlainWriter()) == [
        ("Own questions, VQA v2 accuracy (%)", "82.1 (73.1 to 91.1, n=30)"),
        ("Own questions, strict exact match (%)", "60 (48 to 72, n=30)"),
    ]
    notes = Notes()
    table = Tables(notes).model(make.result(own_images=found))
    assert "| Own questions, VQA v2 accuracy (%) | 82.1 (73.1 to 91.1, n=30)[^" in table
    assert any(line.endswith(": VQA v2") for line in notes.definitions())


def test_a_variant_without_vision_says_why() -> None:
    why = "this variant takes no images"
    cells = rows(Missing(missing=why), PlainWriter())
    assert [cell for _, cell in cells] == [why, why]
    assert all(item.startswith("Own questions, ") for item, _ in cells)
