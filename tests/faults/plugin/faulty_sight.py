"""What the model of the faulty server sees: the truth about a picture of its table, the color of any other.

Called by `faulty_server`, and by the tests, which write the table.
"""

import base64
import hashlib
import io
from dataclasses import dataclass
from typing import Any

from PIL import Image

Truths = dict[str, dict[str, str]]
"""Digest of a picture > question > answer."""


@dataclass(frozen=True)
class Sight:
    """One request's last picture, as a digest, a color or "none", and its last words."""

    picture: str
    question: str

    def told_of(self, picture: str, truths: Truths) -> str:
        """The answer to this question about that picture; to one that it has no answer to, its first."""
        known = truths.get(picture)
        return picture if known is None else known.get(self.question, next(iter(known.values())))


def see(messages: list[dict[str, Any]], truths: Truths) -> Sight:
    picture, question = "none", ""
    for message in messages:
        content = message["content"]
        for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            if part["type"] == "text":
                question = part["text"]
            else:
                picture = _recognized(part["image_url"]["url"], truths)
    return Sight(picture, question)


def picture_in(url: str) -> Image.Image:
    """The picture of a data URL."""
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB")


def digest_of(image: Image.Image) -> str:
    """By its pixels alone, however they came."""
    return hashlib.sha256(b"%dx%d " % image.size + image.tobytes()).hexdigest()


def _recognized(url: str, truths: Truths) -> str:
    image = picture_in(url)
    digest = digest_of(image)
    return digest if digest in truths else _color(image)


def _color(image: Image.Image) -> str:
    pixel = image.getpixel((1, 1))
    assert isinstance(pixel, tuple)
    return ("red", "green", "blue")[pixel.index(max(pixel))]
