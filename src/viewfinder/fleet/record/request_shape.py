"""The size of a request, without its content; made by the gateway, read for rates and post-mortems."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestShape:
    """`pixels` of all images and `characters` of all texts; `max_tokens` None: the engine's default."""

    images: int = 0
    pixels: int = 0
    characters: int = 0
    max_tokens: int | None = None
    stream: bool = False
