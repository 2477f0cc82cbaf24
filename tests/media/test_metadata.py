"""Metadata of any size and soundness: the picture is what it would be without it."""

import io
import struct
import zlib

import pytest
from PIL import Image

from viewfinder.media.frames import Order
from viewfinder.media.jpeg_file import plain_jpeg
from viewfinder.media.picture import make_picture
from viewfinder.media.png_file import plain_png

ORDER = Order()


def saved(format: str, mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.effect_noise((40, 30), 80).convert(mode).save(file, format, **options)
    return file.getvalue()


def chunk(name: bytes, body: bytes, flip: int = 0) -> bytes:
    checksum = zlib.crc32(name + body) ^ flip
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)


PNG, JPEG = saved("PNG"), saved("JPEG")


@pytest.mark.parametrize(
    "chunks",
    [
        chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"node" * 500_000)),
        chunk(b"iTXt", b"prompt\0\0\0\0\0" + b"x" * 2_000_000),
        chunk(b"tEXt", b"Comment\0hello", flip=1),
        chunk(b"zTXt", b"a\0\7unknown"),
        chunk(b"tEXt", b"\xff\xfe"),
        chunk(b"eXIf", b"MM\0*\0\0"),
        chunk(b"eXIf", b"MM\0*" + bytes(2_000_000)),
        chunk(b"eXIf", b"MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0", flip=1),
        chunk(b"acTL", b"\0"),
        chunk(b"fcTL", b"\0") * 3,
        chunk(b"pHYs", b"\0"),
        chunk(b"sRGB", b""),
        chunk(b"caBX", b"\0" * 100_000) * 9,
    ],
    ids=lambda value: value[4:8].decode(),
)
def test_of_a_png(chunks: bytes) -> None:
    """Megabytes of text, as ComfyUI writes them, were refused, and so was a comment with a wrong checksum."""
    with_it = PNG[:33] + chunks + PNG[33:]
    assert make_picture(with_it, max_pixels=10**6, order=ORDER) == make_picture(
        PNG, max_pixels=10**6, order=ORDER
    )


@pytest.mark.parametrize("marker", range(0xE0, 0xF0))
@pytest.mark.parametrize(
    "body",
    [
        b"", b"JFIF", b"JFIF\0", b"Exif\0\0", b"Exif\0\0MM\0*\0\0", b"Exif\0\0MM\0*" + b"\xff" * 65_000,
        b"Adobe", b"Adobe\0d", b"ICC_PROFILE\0", b"ICC_PROFILE\0\1", b"MPF\0x", b"Photoshop 3.0\0",
        b"Photoshop 3.0\x008BIM\3\xed\0\0\0\0\0\x10", b"http://ns.adobe.com/xap/1.0/\0" + b"<" * 65_000,
    ],
    ids=lambda value: repr(value[:16]),
)  # fmt: skip
def test_of_a_jpeg(marker: int, body: bytes) -> None:
    segment = struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
    data = JPEG[:20] + segment + JPEG[20:]
    assert make_picture(data, max_pixels=10**6, order=ORDER) == make_picture(
        JPEG, max_pixels=10**6, order=ORDER
    )


def test_a_profile_in_several_segments_is_one() -> None:
    profile = bytes(range(256)) * 1000
    data, found = plain_jpeg(saved("JPEG", icc_profile=profile))
    assert found == profile
    assert b"ICC_PROFILE" not in data


@pytest.mark.parametrize("cut", range(0, len(PNG), 97))
def test_what_is_cut_off_stays_cut_off(cut: int) -> None:
    assert len(plain_png(PNG[:cut])[0]) <= max(8, cut)
    assert plain_jpeg(JPEG[:cut])[0] == JPEG[:cut]
