"""Fuzz targets of `media`: formats and sizes, data URLs, and small images decoded and encoded again.

The codecs run in this process here, where a crash is a finding; Viewfinder runs them in one that may crash.
"""

import base64
import hashlib
import io
import warnings
from contextlib import suppress
from typing import get_args

from PIL import Image

from viewfinder.core.config import Limits
from viewfinder.core.errors import Busy, InvalidImage
from viewfinder.media import intake
from viewfinder.media.animated import is_animated
from viewfinder.media.clip import make_clip
from viewfinder.media.clip_faults import CLIP_FAULTS, clip_refusal
from viewfinder.media.data_url import content_of, decoded
from viewfinder.media.decoder import _decode
from viewfinder.media.frames import ClipOrder, FrameChoice, Order
from viewfinder.media.header import Header, Refused, count_scans, ends_early, read_header
from viewfinder.media.picture import READERS, make_picture

from .oracle import attempt, constants, require

MOST_PIXELS = 128 * 128
"""What is decoded here, so that an input takes milliseconds."""
MOST_SCANS = 20
CLIP_ORDERS = tuple(
    ClipOrder(
        frames=frames,
        choose=choose,
        frame_pixels=2048,
        most_bytes=2**18,
        most_pixels=MOST_PIXELS,
        most_s=9.0,
    )
    for choose in get_args(FrameChoice)
    for frames in (1, 3)
)
ORDERS = (
    Order(),
    Order(longest_edge=16),
    Order(most_pixels=100),
    Order(most_bytes=700),
    Order(longest_edge=16, is_thumbnail=True),
    Order(most_pixels=1, most_bytes=1),
)


def read_image_header(data: bytes) -> None:
    """The size is Pillow's, or the image is refused; the file's beginning says the same as all of it."""
    found = attempt(lambda: read_header(data), Refused)
    half = attempt(lambda: read_header(data[: len(data) // 2], len(data)), Refused)
    if found.error is not None:
        _require_fault(found.error)
        return
    header: Header = found.value
    is_early = half.error is not None and half.error.fault in (
        "truncated",
        "not_an_image",
        "damaged",
        "empty",
    )  # type: ignore[attr-defined]
    require(is_early or half.value == header, f"{header}, and by its half {half}")
    require(header.width > 0 and header.height > 0, f"no pixels: {header}")
    if header.format == "jpeg":
        require(count_scans(data, MOST_SCANS) <= MOST_SCANS + 1, "it counts past the limit")
    ends_early(data, header.format)
    if header.width * header.height <= MOST_PIXELS:
        _require_agreement(data, header)


def _require_agreement(data: bytes, header: Header) -> None:
    with warnings.catch_warnings(action="ignore"):
        try:
            size = READERS[header.format](io.BytesIO(data)).size
        except Exception:  # any error of a codec: then nothing is decoded
            return
    if size != (header.width, header.height):
        require(header.format != "webp", f"{header}, and a canvas of {size} was allocated")
        made = attempt(lambda: make_picture(data, max_pixels=MOST_PIXELS, order=Order()), Refused)
        require(made.error is not None, f"{header}, and Pillow decoded {size}")


def make_image(data: bytes) -> None:
    """An image becomes a file of our own as ordered, without anything of the source but its pixels."""
    order, file = ORDERS[data[0] % len(ORDERS)] if data else ORDERS[0], data[1:]
    made = attempt(lambda: make_picture(file, max_pixels=MOST_PIXELS, order=order), Refused)
    if made.error is not None:
        _require_fault(made.error)
        return
    picture, header = made.value, read_header(file)
    require(picture.media_type in ("image/png", "image/jpeg"), f"a {picture.media_type}")
    image = Image.open(io.BytesIO(picture.data))
    image.load()
    require(image.mode == "RGB" and image.size == (picture.width, picture.height), f"{image}, not {picture}")
    require(
        set(image.info) <= {"jfif", "jfif_version", "jfif_density", "jfif_unit"}, f"it keeps {image.info}"
    )
    require(not image.getexif(), "it keeps metadata")
    require(
        picture.width * picture.height <= (order.most_pixels or MOST_PIXELS),
        f"too many pixels: {picture.width}",
    )
    require(
        max(image.size) <= (order.longest_edge or max(header.width, header.height)), "an edge is too long"
    )
    require(
        len(picture.data) <= (order.most_bytes or 1 << 20) or image.size == (1, 1), "the file is too large"
    )
    if picture.media_type == "image/png":
        digest = hashlib.sha256(b"%dx%d " % image.size + image.tobytes()).hexdigest()
        require(digest == picture.digest, "the digest is not that of its pixels")
    require(make_picture(file, max_pixels=MOST_PIXELS, order=order) == picture, "made twice, it differs")


def make_frames(data: bytes) -> None:
    """A clip becomes frames of our own in order, whatever its file says of itself."""
    order, file = CLIP_ORDERS[data[0] % len(CLIP_ORDERS)] if data else CLIP_ORDERS[0], data[1:]
    attempt(lambda: is_animated(file))
    made = attempt(lambda: make_clip(file, order), Refused)
    if made.error is not None:
        require(isinstance(made.error, Refused) and made.error.fault in CLIP_FAULTS, f"{made.error}")
        refusal = clip_refusal(str(made.error), getattr(made.error, "details", {}))
        require(len(refusal.message) < 300, "a long message")
        return
    clip = made.value
    require(1 <= len(clip.pictures) <= order.frames, f"{len(clip.pictures)} frames")
    require(len(clip.times) == len(clip.pictures) <= clip.total, f"{clip.times} of {clip.total}")
    require(list(clip.times) == sorted(clip.times) and clip.times[0] >= 0, f"out of order: {clip.times}")
    require(clip.times[-1] <= order.most_s + 1, f"{clip.times} s")
    for picture in clip.pictures:
        image = Image.open(io.BytesIO(picture.data))
        image.load()
        require(image.size == (picture.width, picture.height), "another size")
        require(picture.width * picture.height <= order.frame_pixels, f"too many pixels: {image.size}")


def read_data_url(data: bytes) -> None:
    """A data URL is refused, or decoded; what is decoded was counted first, in a text and in a view alike."""
    limits = Limits(pixels=MOST_PIXELS, request_pixels=2 * MOST_PIXELS, pixels_together=3 * MOST_PIXELS)
    text = data.decode("latin-1")
    with constants(intake, SEARCHED_BYTES=(3, 48, 768), CERTAIN_BYTES=48):
        taker = intake.Intake(limits)
        counted = {taker._pixels_of(text), taker._pixels_of(memoryview(data))}
        require(len(counted) == 1 or not text.isascii(), f"a text and a view of it count {counted}")
        attempt(lambda: _admit(taker, [text, text]), InvalidImage, Busy)
    content = attempt(lambda: content_of(text), Refused)
    viewed = attempt(lambda: content_of(memoryview(data)), Refused)
    if content.error is not None:
        return
    require(viewed.error is None, f"only a view is refused: {viewed.error}")
    written, is_base64 = content.value.text.encode("ascii"), content.value.is_base64
    head, reply = _decode(written, MOST_PIXELS, {"longest_edge": 32, "is_base64": is_base64})
    if "fault" in head:
        require(head["fault"] in intake.FAULTS, f"no such fault: {head}")
        intake._refusal(head["fault"], head.get("details"))
        return
    made = reply.partition(b"base64,")[2]
    require(
        Image.open(io.BytesIO(base64.b64decode(made))).size == (head["width"], head["height"]), "another size"
    )
    header = read_header(decoded(written, is_base64=is_base64))
    pixels = header.width * header.height
    require(counted <= {pixels, MOST_PIXELS}, f"{pixels} pixels were decoded, and {counted} were counted")


def _admit(taker: intake.Intake, urls: list[str]) -> None:
    """To its end, without an event loop: it only lets others run in between."""

    async def once() -> None:
        async with taker.admitted(urls):
            pass

    steps = once()
    with suppress(StopIteration):
        while True:
            steps.send(None)


def _require_fault(error: Exception) -> None:
    require(isinstance(error, Refused) and error.fault in intake.FAULTS, f"no such fault: {error}")
    details = error.details if isinstance(error, Refused) else {}
    refusal = intake._refusal(str(error), details)
    require(len(refusal.message) < 300, "a long message")
