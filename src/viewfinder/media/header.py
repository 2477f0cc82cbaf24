"""The format and size of an image file, from its first bytes; called by `picture` before anything decodes.

Written here, in Python over bytes, because Pillow would be too late: opening a WebP allocates its whole
canvas, and the limit on pixels must hold before that. Pillow must then agree on the size.
"""

import struct
from dataclasses import dataclass
from typing import Literal

ImageFormat = Literal["png", "jpeg", "webp"]

MAX_JPEG_SEGMENTS = 4096
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Start-of-frame markers; the three excluded ones are tables."""
JPEG_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD8)})
JPEG_SCAN, JPEG_END = 0xDA, 0xD9

OTHERS: tuple[tuple[str, int, tuple[bytes, ...]], ...] = (
    ("GIF", 0, (b"GIF87a", b"GIF89a")),
    ("TIFF", 0, (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    ("BMP", 0, (b"BM",)),
    ("ICO", 0, (b"\0\0\1\0",)),
    ("PSD", 0, (b"8BPS",)),
    ("PDF", 0, (b"%PDF",)),
    ("EPS", 0, (b"%!PS", b"\xc5\xd0\xd3\xc6")),
    ("FITS", 0, (b"SIMPLE  =",)),
    ("JPEG XL", 0, (b"\xff\x0a", b"\0\0\0\x0cJXL ")),
    ("JPEG 2000", 0, (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")),
    ("AVIF", 4, (b"ftypavif", b"ftypavis")),
    ("HEIC", 4, (b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1")),
)
"""Unsupported formats that the error names: name, offset of the mark, marks."""


@dataclass(frozen=True, slots=True)
class Header:
    format: ImageFormat
    width: int
    height: int


class Refused(Exception):
    """An image that is refused: `fault` is a key of `intake.FAULTS`, `details` fill in its message."""

    def __init__(self, fault: str, **details: int | str) -> None:
        super().__init__(fault)
        self.fault = fault
        self.details = details


def read_header(data: bytes) -> Header:
    """Format and size of a PNG, JPEG or WebP, regardless of its declared type. Raises Refused."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            header = _png(data)
        elif data.startswith(b"\xff\xd8\xff"):
            header = _jpeg(data)
        elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            header = _webp(data)
        else:
            raise _not_ours(data)
    except (struct.error, IndexError):  # read past the end
        raise Refused("truncated") from None
    if header.width == 0 or header.height == 0:
        raise Refused("no_pixels")
    return header


def ends_early(data: bytes, format: ImageFormat) -> bool:
    """Whether the file's end marker is missing. It only explains why a decoder failed."""
    if format == "png":
        return b"IEND" not in data
    return format == "jpeg" and not data.rstrip(b"\0").endswith(bytes((0xFF, JPEG_END)))


def _png(data: bytes) -> Header:
    length, name, width, height = struct.unpack_from(">I4sII", data, 8)
    if name != b"IHDR" or length != 13:
        raise Refused("damaged")
    return Header("png", width, height)


def _jpeg(data: bytes) -> Header:
    at = 2
    for _ in range(MAX_JPEG_SEGMENTS):
        lead, marker = data[at], data[at + 1]
        if lead != 0xFF or marker in (JPEG_SCAN, JPEG_END):
            break
        if marker in JPEG_FRAMES:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return Header("jpeg", width, height)
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in JPEG_BARE_MARKERS:
            at += 2
        else:
            at += 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])
    raise Refused("damaged")


def _webp(data: bytes) -> Header:
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 > len(data):
        raise Refused("truncated")
    chunk = data[12:16]
    if chunk == b"VP8X":
        return Header("webp", _uint24(data, 24) + 1, _uint24(data, 27) + 1)
    if chunk == b"VP8L" and data[20] == 0x2F:
        (bits,) = struct.unpack_from("<I", data, 21)
        return Header("webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if chunk == b"VP8 " and data[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack_from("<HH", data, 26)
        return Header("webp", width & 0x3FFF, height & 0x3FFF)
    raise Refused("damaged")


def _uint24(data: bytes, at: int) -> int:
    low, high = struct.unpack_from("<HB", data, at)
    return int(low) | int(high) << 16


def _not_ours(data: bytes) -> Refused:
    if not data:
        return Refused("empty")
    for name, at, marks in OTHERS:
        if data.startswith(marks, at):
            return Refused("unsupported", name=name)
    if b"<svg" in data[:1024]:
        return Refused("unsupported", name="SVG")
    return Refused("not_an_image")
