"""How large a request is, without what it says; made by the gateway, read by rates and post-mortems."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestShape:
    """`pixels` of all images together, `characters` of all texts; `max_tokens` None: the engine's own."""

    images: int = 0
    pixels: int = 0
    characters: int = 0
    max_tokens: int | None = None
    stream: bool = False
