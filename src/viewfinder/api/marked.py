"""An answer with its boxes and points, and the picture on which they are drawn; used by `model` and `ask`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from PIL import Image, ImageDraw, ImageFont, ImageOps

from viewfinder.core.errors import BadRequest

COLOUR, AROUND = (230, 30, 60), (255, 255, 255)
DRAWN_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


class BoxedAnswer(str):
    """The words of an answer, a string as any other, with the places that it gives.

    `boxes` are dictionaries, in pixels of the pictures as they are displayed; `not_placed` are those that
    could not be placed, with the reason (docs/boxes.md). Both are empty for a model that gives none.
    """

    __slots__ = ("boxes", "not_placed")
    boxes: list[dict[str, Any]]
    not_placed: list[dict[str, str]]

    @classmethod
    def of(cls, words: str, delta: Mapping[str, Any]) -> Self:
        """`delta`: the fields of the last one of a stream, or those of a message."""
        text = cls(words)
        text.boxes, text.not_placed = delta.get("boxes") or [], delta.get("not_placed") or []
        return text


def check_drawing(pictures: Sequence[str], out: Path) -> None:
    """Raise BadRequest for what cannot be drawn, before a model is asked."""
    if len(pictures) != 1 or Path(pictures[0]).is_dir():
        raise BadRequest(
            "--draw is for a question about one picture.", hint="Ask about each of them.", param="draw"
        )
    if out.suffix.lower() not in DRAWN_SUFFIXES:
        raise BadRequest(
            f"No picture can be written as {out.name}.",
            hint=f"Name a file that ends with {', '.join(DRAWN_SUFFIXES)}.",
            param="draw",
        )
    if out.exists() and out.samefile(pictures[0]):
        raise BadRequest(
            "--draw would overwrite the picture itself.", hint="Name another file.", param="draw"
        )


def draw_boxes(picture: Path, boxes: Sequence[Mapping[str, Any]], out: Path) -> None:
    """Write the picture with its boxes and points to a file. Raises BadRequest where it cannot be written."""
    with Image.open(picture) as opened:
        image = ImageOps.exif_transpose(opened).convert("RGB")
    pen, line = ImageDraw.Draw(image), max(2, max(image.size) // 300)
    font = ImageFont.load_default(size=line * 6)
    for box in boxes:
        if "box" in box:
            left, top, right, bottom = box["box"]
            pen.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), outline=COLOUR, width=line)
        else:
            left, top = box["point"]
            pen.circle((left, top), 2 * line, fill=COLOUR, outline=AROUND, width=max(1, line // 2))
        if label := box.get("label"):
            at = left, max(0, top - 7 * line)
            pen.text(at, label, fill=COLOUR, font=font, stroke_fill=AROUND, stroke_width=line // 2)
    try:
        image.save(out)
    except OSError as error:
        raise BadRequest(f"{out} cannot be written: {error.strerror}.", hint="Name another file.") from None
