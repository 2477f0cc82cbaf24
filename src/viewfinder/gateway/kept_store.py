"""Where the conversations of /v1/responses are kept: what `kept` asks of a store, whichever it is.

    kept_in_file       SQLite, for the gateways of one computer
    kept_in_postgres   a database that every gateway reaches

Every method may wait, for a disk or a network, so the event loop calls none of them; each may be called from
several threads. Every store has the same rules: a row is one turn, only its owner reaches it, an image is
stored once, and what is too old or too much is deleted, the oldest first.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from viewfinder.core.config import ResponsesSettings
from viewfinder.wire.long_text import LongText

AT_ONCE = 50
"""Rows that are deleted between two looks at the size."""
MOST_TOUCHED = 10_000
"""Turns of one conversation whose time is prolonged by a new one."""


class NotKept(Exception):
    """Why a response could not be kept, as a sentence."""


class ChainTooLong(Exception):
    """A conversation has more turns, or more bytes of text, than a request may have."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One request with its answer: the first `inputs` of its items are the request's."""

    id: str
    owner: str
    previous: str | None
    items: Sequence[dict[str, Any]]
    inputs: int
    response: Mapping[str, Any]
    images: Mapping[str, LongText] = field(default_factory=dict)
    """By the hash of their data URL."""


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """One turn as it is kept; `suspect` says why its answer can no longer be trusted, or is empty."""

    id: str
    previous: str | None
    suspect: str
    items: list[dict[str, Any]]
    inputs: int
    response: bytes = b""


class KeptStore(Protocol):
    """What keeps turns. `limit` sets how much and how long, from the next write or `tidy` on.

    Where it cannot be used, every method raises a ViewfinderError, and `put` NotKept.
    """

    def limit(self, settings: ResponsesSettings) -> None: ...

    def put(self, turn: Turn) -> None:
        """Keep a turn, all of it or nothing, and prolong those before it."""

    def chain(self, owner: str, id: str, most: int, most_bytes: int) -> list[KeptTurn]:
        """The turns of a conversation up to this one, oldest first; empty when a part of it is not kept.

        Raises ChainTooLong for more than `most` turns or `most_bytes` of items.
        """

    def get(self, owner: str, id: str) -> KeptTurn | None: ...

    def image(self, sha256: str) -> LongText | None:
        """The data URL of an image of a turn that was just read; None when it was deleted since."""

    def delete(self, owner: str, id: str) -> bool:
        """Delete a turn, so that it cannot be read from the file either; false when there is none."""

    def suspect(self, ids: Iterable[str], reason: str) -> None:
        """Mark answers that can no longer be trusted."""

    def tidy(self) -> None:
        """Delete what is too old, or too much."""

    def close(self) -> None: ...


def sha256_of(url: LongText) -> str:
    """The name under which an image is kept."""
    hashed = hashlib.sha256()
    for piece in url.pieces:
        hashed.update(piece)
    return hashed.hexdigest()


def hashes_in(items: Iterable[Mapping[str, Any]]) -> set[str]:
    """The images that items refer to."""
    contents = [item.get("content") for item in items]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    return {part["image_url"]["sha256"] for part in parts if part["type"] == "input_image"}
