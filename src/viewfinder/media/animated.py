"""When each frame of a GIF or WebP is shown, read from the file's own blocks: nothing is decoded.

Called by `animation`, and by `api` to know which of a person's files are clips.
"""

import struct
from collections.abc import Iterator

from viewfinder.media.clip_kind import ClipKind
from viewfinder.media.header import GIF_EXTENSION, GIF_IMAGE, Refused

GIF_END, GRAPHIC_CONTROL = 0x3B, 0xF9
LEAST_MS, USUAL_MS = 11, 100
"""Browsers show a frame that declares less than the first for the second."""


def is_animated(data: bytes) -> bool:
    """Whether a file is a GIF or WebP with more than one frame, as far as it can be read."""
    kinds: dict[bytes, ClipKind] = {b"GIF8": "gif", b"RIFF": "webp"}
    kind = kinds.get(data[:4])
    if kind is None or (kind == "webp" and data[8:12] != b"WEBP"):
        return False
    frames = durations(data, kind)
    try:
        return next(frames, None) is not None and next(frames, None) is not None
    except Refused:
        return False


def durations(data: bytes, kind: ClipKind) -> Iterator[int]:
    """For how many milliseconds each frame is shown. Raises Refused where the file ends too early."""
    try:
        for shown_ms in _of_gif(data) if kind == "gif" else _of_webp(data):
            yield shown_ms if shown_ms >= LEAST_MS else USUAL_MS
    except (struct.error, IndexError):  # read past the end
        raise Refused("truncated") from None


def _of_gif(data: bytes) -> Iterator[int]:
    """Only the first frame may be larger than the screen: Pillow would make room for a later one, too."""
    shown_ms, frames = 0, 0
    width, height = struct.unpack_from("<HH", data, 6)
    at = 13 + _colours(data[10])
    while data[at] != GIF_END:
        if data[at] == GIF_IMAGE:
            left, top, wide, high = struct.unpack_from("<HHHH", data, at + 1)
            if not frames:
                width, height = max(width, left + wide), max(height, top + high)
            elif left + wide > width or top + high > height:
                raise Refused("damaged")
            yield shown_ms
            shown_ms, frames = 0, frames + 1
            at = _behind_blocks(data, at + 11 + _colours(data[at + 9]))
        elif data[at] == GIF_EXTENSION:
            if data[at + 1] == GRAPHIC_CONTROL:
                shown_ms = 10 * int(struct.unpack_from("<H", data, at + 4)[0])
            at = _behind_blocks(data, at + 2)
        else:
            raise Refused("damaged")


def _colours(flags: int) -> int:
    """The bytes of the colours that follow."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _behind_blocks(data: bytes, at: int) -> int:
    while size := data[at]:
        at += 1 + size
    return at + 1


def _of_webp(data: bytes) -> Iterator[int]:
    """A still picture is one frame that is shown for no time."""
    at, frames = 12, 0
    while at + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        if at + 8 + size > len(data):
            raise Refused("truncated")
        if name == b"ANMF":
            low, high = struct.unpack_from("<HB", data, at + 8 + 12)
            yield int(low) | int(high) << 16
            frames += 1
        at += 8 + size + (size & 1)
    if not frames:
        yield 0
