"""What `ask` takes as an image, and what it says of anything else."""

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from viewfinder.api.question import Clip, check_question, question_of
from viewfinder.core.errors import BadRequest

from .. import footage

RED = Image.new("RGB", (8, 8), "red")


def encoded(image: Image.Image = RED) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def sent(*parts: object) -> list[bytes]:
    """The images of the message."""
    *images, text = question_of([*parts, "What is it?"])["content"]  # type: ignore[list-item]
    assert text == {"type": "text", "text": "What is it?"}
    return [base64.b64decode(image["image_url"]["url"].partition(",")[2]) for image in images]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "red.png"
    file.write_bytes(encoded())
    return file


def test_an_image_is_a_path_bytes_or_a_data_url(file: Path) -> None:
    url = f"data:image/png;base64,{base64.b64encode(encoded()).decode()}"
    images = (file, str(file), encoded(), bytearray(encoded()), memoryview(encoded()), url)
    assert sent(*images) == [encoded()] * len(images)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "I;16", "F", "HSV"])
def test_a_pil_image_of_any_mode(mode: str) -> None:
    image = Image.new(mode, (8, 8)) if mode in ("I;16", "F") else RED.convert(mode)
    (content,) = sent(image)
    with Image.open(io.BytesIO(content)) as again:
        assert again.size == (8, 8)


def test_lists_and_folders_in_order(file: Path) -> None:
    (file.parent / "notes.txt").write_text("no image")
    (file.parent / "blue.PNG").write_bytes(encoded(Image.new("RGB", (8, 8), "blue")))
    (file.parent / "more").mkdir()
    blue = encoded(Image.new("RGB", (8, 8), "blue"))
    assert sent(file.parent) == [blue, encoded()]
    assert sent([file, (blue, file)]) == [encoded(), blue, encoded()]
    assert sent() == sent([]) == []


@pytest.mark.parametrize("image", [None, 7, 1.5, {"a": 1}, object(), {1, 2}])
def test_the_type_of_anything_else_is_named(image: object) -> None:
    with pytest.raises(BadRequest, match=f"An image cannot be of the type {type(image).__name__}"):
        sent(image)


def test_a_folder_without_images(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="has no images"):
        sent(tmp_path)


def test_an_address_on_the_web() -> None:
    with pytest.raises(BadRequest, match="address on the web") as caught:
        sent("https://example.org/a.png")
    assert "Download it" in caught.value.hint


@pytest.mark.parametrize("parts", [[], [b"x"], [Path("a.png")], ["a.png", Path("b.png")]])
def test_without_a_question(parts: list[object]) -> None:
    with pytest.raises(BadRequest, match="The question is missing"):
        question_of(parts)  # type: ignore[arg-type]


def test_a_question_that_stands_first_is_put_last(file: Path) -> None:
    for parts, way_out in (
        (["What is this?", str(file)], f'MODEL {file} "What is this?"'),
        (["Is it \x1b[2J red?", str(file)], f'MODEL {file} "What is this?"'),
        (["a.heic"], 'MODEL a.heic "What is this?"'),
    ):
        with pytest.raises(BadRequest, match="question is missing") as refused:
            check_question(parts)
        assert refused.value.hint.endswith(way_out)


def test_the_name_of_a_file_is_no_question(file: Path) -> None:
    with pytest.raises(BadRequest, match="The question is missing"):
        question_of([str(file)])
    assert question_of(["What\0is it?"])["content"][-1]["text"] == "What\0is it?"


def test_a_file_that_moves_is_a_clip(tmp_path: Path) -> None:
    clip, still = tmp_path / "clip.gif", tmp_path / "still.gif"
    clip.write_bytes(footage.animation(footage.scenes(0.1, 0.1)))
    still.write_bytes(footage.animation(footage.scenes(0.1)))
    parts = question_of([clip, still, Clip(clip, 3, "change"), Clip(still), "What happens?"])["content"]
    assert [part["type"] for part in parts] == ["video_url", "image_url", "video_url", "video_url", "text"]
    assert (parts[2]["video_url"]["frames"], parts[2]["video_url"]["choose"]) == (3, "change")
    assert set(parts[0]["video_url"]) == {"url"}
