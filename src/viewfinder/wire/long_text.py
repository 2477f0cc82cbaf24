"""A text of megabytes in a request's body, kept and sent in pieces; made by `media`, sent by `client`.

To write 60 MB as JSON, put it behind a head and send it copied it four times, and held up every other request
for 0.15 s.
"""

import re
import secrets
from dataclasses import dataclass
from typing import Any

import orjson


@dataclass(frozen=True, slots=True)
class LongText:
    """ASCII that JSON has not to escape. Raises ValueError for anything else: it would become more than a
    text of the body."""

    pieces: tuple[bytes, ...]

    def __post_init__(self) -> None:
        for piece in self.pieces:
            if not piece.isascii() or b'"' in piece or b"\\" in piece:
                raise ValueError("the text cannot stand in JSON as it is")

    def __len__(self) -> int:
        return sum(map(len, self.pieces))

    def __str__(self) -> str:
        return b"".join(self.pieces).decode("ascii")


def dumps(body: Any) -> list[bytes]:
    """The body as JSON, in pieces: none of its long texts is copied."""
    name = f"long {secrets.token_hex(8)} "  # nobody can guess it
    texts: list[LongText] = []

    def named(value: object) -> str:
        if not isinstance(value, LongText):
            raise TypeError
        texts.append(value)
        return name

    data = orjson.dumps(body, default=named, option=orjson.OPT_PASSTHROUGH_DATACLASS)
    if not texts:
        return [data]
    between = re.split(name.encode(), data)
    pieces = [between[0]]
    for text, rest in zip(texts, between[1:], strict=True):
        pieces += [*text.pieces, rest]
    return pieces
