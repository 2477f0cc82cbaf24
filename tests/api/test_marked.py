"""What `--draw` draws, and what it refuses before a model is asked."""

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from viewfinder.api.marked import BoxedAnswer, check_drawing, draw_boxes
from viewfinder.core.errors import BadRequest


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    Image.new("RGB", (300, 200), "white").save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_an_answer_is_a_string() -> None:
    answer = BoxedAnswer.of("Yes.", {"boxes": [{"image": 0, "point": [1, 2]}]})
    assert (answer, answer.upper(), answer.not_placed) == ("Yes.", "YES.", [])
    assert BoxedAnswer.of("No.", {}).boxes == []


@pytest.mark.parametrize("label", ["", "cat", "\u732b\U0001f408 \x1b[31m\n", "x" * 200])
def test_a_box_is_drawn_whatever_its_label(photo: Path, label: str) -> None:
    box: dict[str, Any] = {"image": 0, "box": [0, 0, 300, 200], "label": label}
    draw_boxes(photo, [box], photo.with_name("out.webp"))
    with Image.open(photo.with_name("out.webp")) as drawn:
        red, green, _ = drawn.convert("RGB").getpixel((150, 0))
    assert red > 200
    assert green < 120


def test_what_cannot_be_drawn_is_refused_before(photo: Path) -> None:
    out = photo.with_name("out.png")
    check_drawing([str(photo)], out)
    for pictures, file, said in (
        ([], out, "one picture"),
        ([str(photo), str(photo)], out, "one picture"),
        ([str(photo.parent)], out, "one picture"),
        ([str(photo)], photo, "overwrite"),
        ([str(photo)], photo.with_name("out.pdf"), "out.pdf"),
    ):
        with pytest.raises(BadRequest, match=said):
            check_drawing(pictures, file)


def test_a_folder_that_does_not_exist_is_told(photo: Path) -> None:
    with pytest.raises(BadRequest, match="cannot be written"):
        draw_boxes(photo, [], photo.parent / "nowhere" / "out.png")
