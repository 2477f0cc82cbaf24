"""Turns an image from a client into the safe image that engines get; called by the gateway.

It never opens a path: an image is a data URL, or it is refused. `remote` makes data URLs of web addresses,
where the settings allow it.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from viewfinder.core.config import Limits
from viewfinder.core.errors import Busy, InvalidImage
from viewfinder.media.clips import Clips
from viewfinder.media.data_url import DataUrl, UrlContent, content_of
from viewfinder.media.fairness import NOBODY, SMALL_PIXELS, Client
from viewfinder.media.frames import Order
from viewfinder.media.header import Refused, read_header
from viewfinder.media.pool import DecoderPool
from viewfinder.media.safe_image import SafeImage
from viewfinder.media.seen import Seen, sight_of
from viewfinder.media.worker import Decoded, DecoderLost, DecoderTimeout
from viewfinder.wire.placing import SeenPicture

if TYPE_CHECKING:
    from viewfinder.media.remote import RemoteImages

LOW_DETAIL_EDGE = 512
"""Longest edge in px for `detail: low`, as in OpenAI's API."""
THUMBNAIL_EDGE = 128
SEARCHED_BYTES = (3 * 1024, 48 * 1024, 768 * 1024)
"""How much of a file is searched for its size: first this much, then more. All are multiples of 3."""
CERTAIN_BYTES = 48 * 1024
"""What this much of a file says against it is true: less may be only blanks. To unescape more takes too
long."""

DECODE_RETRY_S = 5.0

SEND_DATA_URL = "Send the file itself, as data:image/png;base64,<the file in base64>."
SEND_SUPPORTED = "Send a PNG, JPEG, WebP or GIF."
SEND_AGAIN = "Check the file, or save it again as PNG."

FAULTS: dict[str, tuple[str, str, str]] = {
    "forbidden": ("media_url_forbidden", "Images are not fetched from addresses or paths.", SEND_DATA_URL),
    "not_fetched": (
        "media_url_forbidden",
        "Images are not fetched from addresses.",
        f"{SEND_DATA_URL} Whoever runs Viewfinder can allow it: remote_images = true.",
    ),
    "no_prefix": (
        "invalid_image",
        "The image is base64 without the beginning of a data URL.",
        "Put data:image/png;base64, in front of it.",
    ),
    "no_comma": ("invalid_image", "The data URL has no comma.", SEND_DATA_URL),
    "not_base64": (
        "invalid_image",
        "The data URL has no ;base64 before its comma, and what follows is not an image as it stands.",
        SEND_DATA_URL,
    ),
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
    "too_many_scans": (
        "image_too_complex",
        "The progressive JPEG has too many scans: the most is {most} at its size.",
        "Save it again, as a baseline JPEG or as PNG.",
    ),
    "truncated": ("image_truncated", "The image ends too early.", "Send the whole file."),
    "damaged": ("decode_failed", "The image is damaged and cannot be decoded.", SEND_AGAIN),
    "lost": ("decode_failed", "The decoder crashed on the image.", SEND_AGAIN),
    "timeout": ("decode_timeout", "The image took too long to decode.", "Send a smaller or simpler one."),
}
"""Fault: code, message, hint. No text of a library is among them."""


class Intake(AbstractAsyncContextManager["Intake"]):
    """Accepts images; an async context manager. Its decoder processes start when images need them."""

    def __init__(self, limits: Limits) -> None:
        self.decoder = DecoderPool(limits)
        self.clips = Clips(limits)
        self._remote: RemoteImages | None = None
        self._limits = limits
        self._seen: Seen[SafeImage] = Seen()
        self._pixels: Counter[str] = Counter()
        """Those of each client's requests whose images are not all decoded."""
        self._closed = 0
        """How often it was closed: an image that was lost to a close is not retried."""

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    def limit(self, limits: Limits) -> None:
        """Use other limits from the next image on; no process stays with the old ones."""
        self._limits = limits
        self._seen.clear()
        if self._remote is not None:
            self._remote.limits = limits
        self.decoder.limit(limits)
        self.clips.limit(limits)

    def remote(self) -> "RemoteImages":
        """What fetches images; one for all requests, because it counts them."""
        from viewfinder.media.remote import RemoteImages  # takes long, and few need it

        self._remote = self._remote or RemoteImages(self._limits)
        return self._remote

    async def close(self) -> None:
        """Stop the decoder processes; the intake may be used again."""
        self._closed += 1
        self._seen.clear()
        await asyncio.gather(self.decoder.close(), self.clips.close())

    @asynccontextmanager
    async def admitted(self, urls: Sequence[DataUrl], client: Client = NOBODY) -> AsyncIterator[None]:
        """The images of one request, which are accepted within the block.

        Raises InvalidImage when they have too many pixels together, Busy when those of all requests have; but
        one client's single image is never too many.
        """
        pixels = 0
        for url in urls:
            pixels += self._pixels_of(url)
            await asyncio.sleep(0)  # to look for a size that is far from the beginning takes 1.5 ms
        limits = self._limits
        if len(urls) > 1 and pixels > limits.request_pixels:
            raise InvalidImage(
                f"The request's images have {pixels:,} pixels together, more than {limits.request_pixels:,}.",
                hint="Send fewer or smaller images, or raise limits.request_pixels.",
                param="messages",
                code="too_many_pixels",
            )
        is_large = pixels > SMALL_PIXELS and self._pixels[client.name] + pixels > limits.pixels
        if is_large and self._pixels.total() + pixels > limits.pixels_together:
            raise Busy(
                "Too many images are being decoded.",
                hint="Retry later, or raise limits.pixels_together.",
                retry_after_s=DECODE_RETRY_S,
                code="overloaded",
            )
        self._pixels[client.name] += pixels
        try:
            yield
        finally:
            self._pixels[client.name] -= pixels
            self._pixels += Counter()  # forgets the clients that have none

    async def accept(
        self,
        url: DataUrl,
        *,
        detail: str = "auto",
        longest_edge: int | None = None,
        client: Client = NOBODY,
        most_pixels: int | None = None,
        most_bytes: int | None = None,
    ) -> SafeImage:
        """The safe image for a data URL: upright, opaque sRGB, without metadata, only the first frame.

        It is shrunk when `detail` is "low", and when it has a longer edge, more pixels or its file more bytes
        than the most.
        Raises InvalidImage.
        """
        edge = LOW_DETAIL_EDGE if detail == "low" else longest_edge
        order = Order(edge, most_pixels, most_bytes)
        sight = sight_of(url, order, client.name)
        image = self._seen.get(sight)
        if image is None:
            image = await self._accept(url, order, client)
            self._seen.put(sight, image)
        return image

    async def thumbnail(self, url: str) -> str:
        """A small picture for people, as a data URL: a JPEG of at most 128 x 128 pixels, about 20 KB at the
        very most. Raises InvalidImage."""
        return (await self._accept(url, Order(THUMBNAIL_EDGE, is_thumbnail=True), NOBODY)).data_url

    async def _accept(self, url: DataUrl, order: Order, client: Client) -> SafeImage:
        try:
            content = content_of(url)
            order = replace(order, is_base64=content.is_base64)
            head, decoded = await self._decoded(content.text, order, self._pixels_of(url), client)
        except Refused as refused:
            raise _refusal(refused.fault) from None
        except DecoderTimeout:
            raise _refusal("timeout") from None
        except DecoderLost:
            raise _refusal("lost") from None
        if fault := head.get("fault"):
            is_text = fault == "not_an_image" and not content.is_base64
            raise _refusal("not_base64" if is_text else fault, head.get("details", {}))
        reduced_from = tuple(head["reduced_from"]) if head["reduced_from"] else None
        size = head["width"], head["height"]
        seen = SeenPicture(tuple(head["upright"]), size, tuple(head["area"]))
        return SafeImage(decoded, *size, head["digest"], reduced_from, seen)

    async def _decoded(self, payload: DataUrl, order: Order, pixels: int, client: Client) -> Decoded:
        """Retries once when the process is lost: another program may have killed it, not this image."""
        closed = self._closed
        try:
            return await self.decoder.decode(payload, order, pixels=pixels, client=client)
        except DecoderLost:
            if self._closed != closed:
                raise
            return await self.decoder.decode(payload, order, pixels=pixels, client=client)

    def _pixels_of(self, url: DataUrl) -> int:
        """The pixels that the image declares: 0 when it will be refused, the most for a file that does not
        say it near its beginning."""
        try:
            content = content_of(url)
        except Refused:
            return 0
        return self._pixels_in(content)

    def _pixels_in(self, content: UrlContent) -> int:
        size_bytes = content.most_bytes
        for most_bytes in SEARCHED_BYTES:
            try:
                header = read_header(content.beginning(most_bytes), size_bytes)
            except Refused as refused:
                is_certain = most_bytes >= CERTAIN_BYTES and refused.fault not in ("truncated", "empty")
                if is_certain or most_bytes >= size_bytes:
                    return 0
            else:
                pixels = header.width * header.height
                return pixels if pixels <= self._limits.pixels else 0
            if most_bytes >= CERTAIN_BYTES and content.is_escaped:
                break
        return self._limits.pixels


def _refusal(fault: str, details: dict[str, Any] | None = None) -> InvalidImage:
    code, message, hint = FAULTS[fault]
    return InvalidImage(message.format(**(details or {})), hint=hint, code=code)
