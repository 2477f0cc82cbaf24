"""What a request says, in pieces, read from the body that its engine gets; called by `node`.

The pieces are those of `gateway/prompts`: a node's engine gets the slot that knows the beginning, and its
canary another one. Made on the node: several gateways ask it, and each hashes in its own way.
"""

from collections.abc import Iterator
from typing import Any

from viewfinder.fleet.process.slot_table import PromptPiece, PromptPieces
from viewfinder.fleet.record.request_shape import RequestShape
from viewfinder.gateway.prompts import picture_cost


def prompt_of_body(body: dict[str, Any], shape: RequestShape) -> PromptPieces:
    """The pieces in their order; each image costs its part of the `pixels` of all."""
    return list(_pieces(body, picture_cost(shape.pixels // max(1, shape.images))))


def _pieces(body: dict[str, Any], of_picture: int) -> Iterator[PromptPiece]:
    for message in body.get("messages", ()):
        yield PromptPiece(hash(message.get("role")), 0)
        content = message.get("content") or ""
        parts: list[dict[str, Any]] = content if isinstance(content, list) else [{"text": content}]
        for part in parts:
            if url := (part.get("image_url") or {}).get("url"):
                yield PromptPiece(hash(url), of_picture)
            else:
                text = part.get("text") or ""
                yield PromptPiece(hash(text), len(text))
