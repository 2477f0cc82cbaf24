"""Turns an image from a client into the safe image that engines get; called by the gateway.

It never fetches a URL and never opens a path: an image is a data URL, or it is refused.
"""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

from viewfinder.core.config import Limits
from viewfinder.core.errors import InvalidImage
from viewfinder.media.frames import Frame
from viewfinder.media.worker import DecoderLost, DecoderTimeout, DecoderWorker

LOW_DETAIL_EDGE = 512
"""Longest edge in px for `detail: low`, as in OpenAI's API."""
THUMBNAIL_EDGE = 128

SEND_DATA_URL = "Send the file itself, as data:image/png;base64,<the file in base64>."
SEND_SUPPORTED = "Send a PNG, JPEG or WebP."
SEND_AGAIN = "Check the file, or save it again as PNG."

FAULTS: dict[str, tuple[str, str, str]] = {
    "forbidden": ("media_url_forbidden", "Images are not fetched from addresses or paths.", SEND_DATA_URL),
    "not_base64": ("invalid_image", "The data URL is not in base64.", SEND_DATA_URL),
    "bad_base64": ("invalid_image", "The image's base64 is invalid.", SEND_DATA_URL),
    "empty": ("invalid_image", "The image is empty.", SEND_DATA_URL),
    "not_an_image": ("invalid_image", "The file is not an image.", SEND_SUPPORTED),
    "unsupported": ("unsupported_image_format", "{name} images are not supported.", SEND_SUPPORTED),
    "no_pixels": ("invalid_image", "The image has no pixels.", SEND_AGAIN),
    "too_thin": (
        "invalid_image",
        "The image of {width} x {height} pixels is too thin: one edge is more than {most} times the other.",
        "Crop it to the part that matters.",
    ),
    "too_large": (
        "image_too_large",
        "The image of {width} x {height} pixels is too large: the most is {most:,} pixels.",
        "Send a smaller one, or raise limits.pixels.",
    ),
    "truncated": ("image_truncated", "The image ends too early.", "Send the whole file."),
    "damaged": ("decode_failed", "The image is damaged and cannot be decoded.", SEND_AGAIN),
    "lost": ("decode_failed", "The decoder crashed on the image.", SEND_AGAIN),
    "timeout": ("decode_timeout", "The image took too long to decode.", "Send a smaller or simpler one."),
}
"""Fault: code, message, hint. No text of a library is among them."""


@dataclass(frozen=True, slots=True)
class SafeImage:
    """An image that we decoded and encoded ourselves; `digest` is the sha256 of its size and pixels."""

    data_url: str
    width: int
    height: int
    digest: str


class Intake(AbstractAsyncContextManager["Intake"]):
    """Accepts images; an async context manager. Its decoder process starts with the first image."""

    def __init__(self, limits: Limits) -> None:
        self.decoder = DecoderWorker(max_pixels=limits.pixels, timeout_s=limits.decode_timeout_s)
        self._closed = 0
        """How often it was closed: an image that was lost to a close is not retried."""

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    def limit(self, limits: Limits) -> None:
        """Use other limits from the next image on; there is never more than one decoder process."""
        self.decoder.limit(max_pixels=limits.pixels, timeout_s=limits.decode_timeout_s)

    async def close(self) -> None:
        """Stop the decoder process; the intake may be used again."""
        self._closed += 1
        await self.decoder.close()

    async def accept(self, url: str, *, detail: str = "auto") -> SafeImage:
        """The safe image for a data URL: upright, opaque RGB, without metadata, only the first frame.

        It is shrunk only when `detail` is "low". Raises InvalidImage.
        """
        return await self._accept(url, LOW_DETAIL_EDGE if detail == "low" else None)

    async def thumbnail(self, url: str) -> str:
        """A small picture for people, as a data URL: a JPEG of at most 128 x 128 pixels, about 20 KB at the
        very most. Raises InvalidImage."""
        return (await self._accept(url, THUMBNAIL_EDGE, is_thumbnail=True)).data_url

    async def _accept(self, url: str, longest_edge: int | None, *, is_thumbnail: bool = False) -> SafeImage:
        payload = _payload(url)
        try:
            head, decoded = await self._decoded(payload, longest_edge, is_thumbnail=is_thumbnail)
        except DecoderTimeout:
            raise _refusal("timeout") from None
        except DecoderLost:
            raise _refusal("lost") from None
        if "fault" in head:
            raise _refusal(head["fault"], head.get("details", {}))
        return SafeImage(decoded.decode("ascii"), head["width"], head["height"], head["digest"])

    async def _decoded(self, payload: bytes, longest_edge: int | None, *, is_thumbnail: bool) -> Frame:
        """Retries once when the process is lost: another program may have killed it, not this image."""
        closed = self._closed
        try:
            return await self.decoder.decode(payload, longest_edge=longest_edge, is_thumbnail=is_thumbnail)
        except DecoderLost:
            if self._closed != closed:
                raise
            return await self.decoder.decode(payload, longest_edge=longest_edge, is_thumbnail=is_thumbnail)


def _payload(url: str) -> bytes:
    """The base64 of a data URL; its declared media type is ignored."""
    if not url:
        raise _refusal("empty")
    if url[:5].lower() != "data:":
        raise _refusal("forbidden")
    declared, comma, payload = url.partition(",")
    if not comma or not declared.lower().endswith(";base64"):
        raise _refusal("not_base64")
    if not payload:
        raise _refusal("empty")
    try:
        return payload.encode("ascii")
    except UnicodeEncodeError:
        raise _refusal("bad_base64") from None


def _refusal(fault: str, details: dict[str, Any] | None = None) -> InvalidImage:
    code, message, hint = FAULTS[fault]
    return InvalidImage(message.format(**(details or {})), hint=hint, code=code)
