"""Formats and sizes, from the first bytes alone."""

import io
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from viewfinder.media.header import Header, Refused, count_scans, ends_early, read_header


def saved(format: str, size: tuple[int, int] = (37, 21), mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size).save(file, format, **options)
    return file.getvalue()


GOOD = {
    "png": saved("PNG"),
    "jpeg": saved("JPEG"),
    "jpeg, progressive": saved("JPEG", progressive=True),
    "jpeg, with metadata": saved("JPEG", exif=b"Exif\0\0" + b"x" * 60_000, comment=b"\xff\xc0 not a frame"),
    "webp, lossy": saved("WEBP"),
    "webp, lossless": saved("WEBP", lossless=True),
    "webp, alpha": saved("WEBP", mode="RGBA"),
    "webp, extended": saved("WEBP", exif=b"Exif\0\0x"),
    "webp, animated": saved("WEBP", save_all=True, append_images=[Image.new("RGB", (37, 21), "red")]),
    "gif": saved("GIF"),
    "gif, with a comment": saved("GIF", comment=b"x" * 5000),
    "gif, animated": saved("GIF", save_all=True, append_images=[Image.new("RGB", (37, 21), "red")]),
}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_size(data: bytes) -> None:
    header = read_header(data)
    assert (header.width, header.height) == (37, 21)


@pytest.mark.parametrize("size", [(1, 1), (16383, 1), (1, 16383), (300, 70)])
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF"])
def test_every_size(format: str, size: tuple[int, int]) -> None:
    assert read_header(saved(format, size)) == Header(format.lower(), *size)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("marker", "bits", "kind"),
    [(0xC0, 8, ""), (0xC2, 8, ""), (0xC1, 12, "12-bit JPEG"), (0xC3, 8, "Lossless JPEG")],
)
def test_rare_kinds_of_jpeg_are_named(marker: int, bits: int, kind: str) -> None:
    frame = GOOD["jpeg"].replace(b"\xff\xc0\0\x11\x08", bytes((0xFF, marker, 0, 0x11, bits)))
    assert read_header(frame) == Header("jpeg", 37, 21, kind)


def test_a_gifs_picture_may_be_larger_than_its_screen() -> None:
    data = bytearray(GOOD["gif"])
    data[6:10] = struct.pack("<HH", 9, 5)
    assert read_header(bytes(data)) == Header("gif", 37, 21)


def test_fill_bytes_before_a_jpeg_marker() -> None:
    data = GOOD["jpeg"]
    assert read_header(data[:2] + b"\xff" * 9 + data[2:]) == Header("jpeg", 37, 21)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (saved("TIFF"), "TIFF"),
        (saved("BMP"), "BMP"),
        (saved("PPM"), "PNM"),
        (GOOD["jpeg"].replace(b"\xff\xc0", b"\xff\xf7"), "JPEG-LS"),
        (GOOD["png"][:12] + b"CgBI" + GOOD["png"][16:], "CgBI (Apple's own PNG)"),
        (b"\0\0\0\x20ftypisom\0\0\2\0", "MP4 and other video"),
        (saved("ICO"), "ICO"),
        (saved("PDF"), "PDF"),
        (saved("EPS"), "EPS"),
        (saved("JPEG2000"), "JPEG 2000"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", "AVIF"),
        (b"\0\0\0\x0cJXL \x0d\x0a\x87\x0a", "JPEG XL"),
        (b"8BPS\0\1", "PSD"),
        (b"SIMPLE  =                    T", "FITS"),
        (b'<?xml version="1.0"?>\n<!-- a drawing -->\n<svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_formats_are_named(data: bytes, name: str) -> None:
    with pytest.raises(Refused) as caught:
        read_header(data)
    assert (caught.value.fault, caught.value.details) == ("unsupported", {"name": name})


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", "empty"),
        (b"Dear sir, please find attached", "not_an_image"),
        (b"\0" * 100, "not_an_image"),
        (b"RIFF\0\0\0\0WAVE", "not_an_image"),
        (b"\x89PNG\r\n\x1a\n", "truncated"),
        (GOOD["png"][:20], "truncated"),
        (GOOD["jpeg"][:12], "truncated"),
        (GOOD["webp, lossy"][:-1], "truncated"),
        (b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IDAT", 9, 9), "damaged"),
        (b"\xff\xd8\xff\xd9" + b"\0" * 20, "damaged"),
        (b"\xff\xd8\xff" + b"\xff" * 1_000_000, "damaged"),
        (b"RIFF\x20\0\0\0WEBPVP9 " + b"\0" * 40, "damaged"),
        (b"\x89PNG\r\n\x1a\n" + struct.pack(">I4sII", 13, b"IHDR", 0, 9), "no_pixels"),
        (b"\xff\xd8\xff\xc0" + struct.pack(">HBHH", 11, 8, 0, 9), "no_pixels"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused(data: bytes, fault: str) -> None:
    with pytest.raises(Refused) as caught:
        read_header(data)
    assert caught.value.fault == fault


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(list(GOOD.values())), st.integers(0, 400), st.binary(max_size=8), st.integers(0, 2000))
def test_any_bytes_are_read_or_refused(data: bytes, at: int, patch: bytes, keep: int) -> None:
    broken = (data[:at] + patch + data[at + len(patch) :])[:keep]
    try:
        header = read_header(broken)
    except Refused:
        return
    assert header.width > 0
    assert header.height > 0


@pytest.mark.parametrize("name", ["png", "jpeg", "jpeg, progressive"])
def test_an_end_that_is_missing(name: str) -> None:
    data = GOOD[name]
    format = read_header(data).format
    assert not ends_early(data, format)
    assert ends_early(data[:-8], format)


def segment(marker: int, body: bytes = b"") -> bytes:
    return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2, "big") + body


@pytest.mark.parametrize(
    ("parts", "scans"),
    [
        ((), 0),
        ((segment(0xDA) + b"data" * 9,), 1),
        ((segment(0xDA) + b"\xff\x00\xff\xd3\xff\x00", segment(0xDA)), 2),
        ((segment(0xE1, b"\xff\xda\x00\x02" * 50), segment(0xDA)), 1),
        ((segment(0xDA), b"\xff\xd9", segment(0xDA) * 50), 1),
        ((segment(0xDA) * 50,), 11),
        ((segment(0xDA), b"\xff\xff\xff\xda\x00\x02"), 2),
        ((segment(0xC4, b"x" * 20), segment(0xDA), segment(0xC4, b"\xff\xda"), segment(0xDA)), 2),
        ((b"\xff\xe1\xff\xff",), 0),
        ((b"\xff\xda",), 1),
        ((segment(0xE1) * 5000,), 11),
    ],
    ids=[
        "none", "one", "stuffed bytes and restarts", "a thumbnail", "behind the end", "no further",
        "fill bytes", "tables between", "a segment without end", "cut off", "segments without end",
    ],
)  # fmt: skip
def test_the_scans_of_a_jpeg(parts: tuple[bytes, ...], scans: int) -> None:
    assert count_scans(b"\xff\xd8" + b"".join(parts), 10) == scans


@given(st.binary(max_size=300))
def test_scans_are_counted_in_any_bytes(data: bytes) -> None:
    assert 0 <= count_scans(b"\xff\xd8" + data, 5) <= 6
