"""What the model of the faulty server sees: the truth about a picture of its table, the color of any other.

Called by `faulty_server`, and by the tests, which write the table, or teach it while it runs.
"""

import base64
import hashlib
import io
import json
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

Truths = dict[str, dict[str, str]]
"""Digest of a picture, or "none" > question > answer."""


@dataclass(frozen=True)
class Sight:
    """One request's last picture, as a digest, a color or "none", and its last words."""

    picture: str
    question: str

    def told_of(self, picture: str, truths: Truths) -> str:
        """The answer to this question about that picture; to one that it has no answer to, its first."""
        known = truths.get(picture)
        return picture if known is None else known.get(self.question, next(iter(known.values())))

    def is_hard(self, share: float) -> bool:
        """Whether this is one of the questions, so large a share of all, that a model gets wrong: of two
        shares, the larger one has all of the smaller one's."""
        digest = hashlib.sha256(f"{self.picture} {self.question}".encode()).digest()
        return int.from_bytes(digest[:4], "big") < share * 2**32


class Lessons:
    """A file of lines [picture, question, answer], by which a model that runs is taught more truths."""

    def __init__(self, file: Path) -> None:
        file.touch()
        self._lines = file.open(encoding="utf-8")
        self._turn = threading.Lock()

    def learn(self, truths: Truths) -> None:
        """Add what is new."""
        with self._turn:
            for line in self._lines:
                picture, question, answer = json.loads(line)
                truths.setdefault(picture, {})[question] = answer


def see(messages: list[dict[str, Any]], truths: Truths) -> Sight:
    url, question = last_of(messages)
    return Sight(_recognized(url, truths) if url else "none", question)


def last_of(messages: list[dict[str, Any]]) -> tuple[str, str]:
    """The data URL of the last picture, or nothing, and the last words."""
    url, question = "", ""
    for message in messages:
        content = message["content"]
        for part in [{"type": "text", "text": content}] if isinstance(content, str) else content:
            if part["type"] == "text":
                question = part["text"]
            else:
                url = part["image_url"]["url"]
    return url, question


def picture_in(url: str) -> Image.Image:
    """The picture of a data URL."""
    return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).convert("RGB")


def open_eyes() -> None:
    """Decode one picture of each kind, so that the first one shown takes no longer than the others."""
    for kind in ("png", "jpeg"):
        data = io.BytesIO()
        Image.new("RGB", (64, 64)).save(data, kind)
        digest_of(picture_in(f"data:image/{kind};base64,{base64.b64encode(data.getvalue()).decode()}"))


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
