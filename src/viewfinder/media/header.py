"""The format and size of an image file, from its first bytes.

Called by `picture` before anything decodes, and by `intake` to know what an image will cost.

Written here, in Python over bytes, because Pillow would be too late: opening a WebP allocates its whole
canvas, and the limit on pixels must hold before that. Pillow must then agree on the size.
"""

import re
import struct
from dataclasses import dataclass
from typing import Literal

ImageFormat = Literal["png", "jpeg", "webp", "gif"]

MAX_JPEG_SEGMENTS = 4096
JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
"""Start-of-frame markers; the three excluded ones are tables."""
JPEG_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD8)})
JPEG_SCAN, JPEG_END, JPEG_LS_FRAME = 0xDA, 0xD9, 0xF7
JPEG_KINDS = {
    **dict.fromkeys((0xC3, 0xC7, 0xCB, 0xCF), "Lossless JPEG"),
    **dict.fromkeys((0xC5, 0xC6, 0xCD, 0xCE), "Hierarchical JPEG"),
    **dict.fromkeys((0xC9, 0xCA), "Arithmetic-coded JPEG"),
}
"""Rare kinds by their frame's marker."""
GIF_IMAGE, GIF_EXTENSION = 0x2C, 0x21
MAX_GIF_BLOCKS = 65536
_MARKER = re.compile(rb"\xff[\x02-\xcf\xd8-\xfe]")
"""Any marker but those without a length, and stuffed and fill bytes."""

OTHERS: tuple[tuple[str, int, tuple[bytes, ...]], ...] = (
    ("TIFF", 0, (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    ("BMP", 0, (b"BM",)),
    ("ICO", 0, (b"\0\0\1\0",)),
    ("PSD", 0, (b"8BPS",)),
    ("PDF", 0, (b"%PDF",)),
    ("EPS", 0, (b"%!PS", b"\xc5\xd0\xd3\xc6")),
    ("FITS", 0, (b"SIMPLE  =",)),
    ("JPEG XL", 0, (b"\xff\x0a", b"\0\0\0\x0cJXL ")),
    ("JPEG 2000", 0, (b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")),
    ("JPEG XR", 0, (b"II\xbc\x01",)),
    ("AVIF", 4, (b"ftypavif", b"ftypavis")),
    ("HEIC", 4, (b"ftyphei", b"ftyphev", b"ftypmif1", b"ftypmsf1")),
    ("CR3", 4, (b"ftypcrx ",)),
    ("MP4 and other video", 4, (b"ftypisom", b"ftypmp4", b"ftypM4V", b"ftypqt  ", b"ftypavc1", b"ftypiso")),
    ("WebM and other video", 0, (b"\x1a\x45\xdf\xa3",)),
    ("OpenEXR", 0, (b"\x76\x2f\x31\x01",)),
    ("Radiance HDR", 0, (b"#?RADIANCE", b"#?RGBE")),
    ("QOI", 0, (b"qoif",)),
    ("PNM", 0, tuple(b"P%d%c" % (kind, end) for kind in range(1, 8) for end in b"\n \r")),
    ("DDS", 0, (b"DDS ",)),
    ("ICNS", 0, (b"icns",)),
    ("MNG", 0, (b"\x8aMNG",)),
    ("DjVu", 0, (b"AT&TFORM",)),
    ("DICOM", 128, (b"DICM",)),
)
"""Unsupported formats that the error names: name, offset of the mark, marks."""


@dataclass(frozen=True, slots=True)
class Header:
    """`kind` is the name of a rare kind of the format, which a decoder may not know."""

    format: ImageFormat
    width: int
    height: int
    kind: str = ""


class Refused(Exception):
    """An image that is refused: `fault` is a key of `intake.FAULTS`, `details` fill in its message."""

    def __init__(self, fault: str, **details: int | str) -> None:
        super().__init__(fault)
        self.fault = fault
        self.details = details


def read_header(data: bytes, size_bytes: int | None = None) -> Header:
    """Format and size of a PNG, JPEG, WebP or GIF, regardless of its declared type. Raises Refused.

    `size_bytes` is the file's size when `data` is only its beginning.
    """
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            header = _png(data)
        elif data.startswith(b"\xff\xd8\xff"):
            header = _jpeg(data)
        elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            header = _webp(data, size_bytes or len(data))
        elif data.startswith((b"GIF87a", b"GIF89a")):
            header = _gif(data)
        else:
            raise _not_ours(data)
    except (struct.error, IndexError):  # read past the end
        raise Refused("truncated") from None
    if header.width == 0 or header.height == 0:
        raise Refused("no_pixels")
    return header


def count_scans(data: bytes, most: int) -> int:
    """The scans of a JPEG, as far as `most` + 1. A decoder passes over the whole picture for each of them.

    Segments are skipped by their lengths: a thumbnail in one has scans of its own.
    """
    at, scans = 2, 0
    for _ in range(MAX_JPEG_SEGMENTS):
        mark = _MARKER.search(data, at)
        if mark is None or scans > most or data[mark.end() - 1] == JPEG_END:
            return scans
        scans += data[mark.end() - 1] == JPEG_SCAN
        at = mark.end() + int.from_bytes(data[mark.end() : mark.end() + 2], "big")
    return most + 1


def ends_early(data: bytes, format: ImageFormat) -> bool:
    """Whether the file's end marker is missing. It only explains why a decoder failed."""
    if format == "png":
        return b"IEND" not in data
    return format == "jpeg" and not data.rstrip(b"\0").endswith(bytes((0xFF, JPEG_END)))


def _png(data: bytes) -> Header:
    length, name, width, height = struct.unpack_from(">I4sII", data, 8)
    if name == b"CgBI":  # what Apple's tools make of the pictures in apps
        raise Refused("unsupported", name="CgBI (Apple's own PNG)")
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
            bits, height, width = struct.unpack_from(">BHH", data, at + 4)
            kind = f"{bits}-bit JPEG" if bits != 8 else JPEG_KINDS.get(marker, "")
            return Header("jpeg", width, height, kind)
        if marker == JPEG_LS_FRAME:
            raise Refused("unsupported", name="JPEG-LS")
        if marker == 0xFF:  # a fill byte
            at += 1
        elif marker in JPEG_BARE_MARKERS:
            at += 2
        else:
            at += 2 + max(2, struct.unpack_from(">H", data, at + 2)[0])
    raise Refused("damaged")


def _webp(data: bytes, size_bytes: int) -> Header:
    (size,) = struct.unpack_from("<I", data, 4)
    if size + 8 > size_bytes:
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


def _gif(data: bytes) -> Header:
    """The size of the first picture, which may be larger than the screen that is declared."""
    width, height, flags = struct.unpack_from("<HHB", data, 6)
    at = 13 + _gif_colours(flags)
    for _ in range(MAX_GIF_BLOCKS):
        if data[at] == GIF_IMAGE:
            left, top, wide, high = struct.unpack_from("<HHHH", data, at + 1)
            return Header("gif", max(width, left + wide), max(height, top + high))
        if data[at] == GIF_EXTENSION:
            at += 2
            while size := data[at]:
                at += 1 + size
        at += 1
    raise Refused("damaged")


def _gif_colours(flags: int) -> int:
    """The bytes of the colours that follow."""
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


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
