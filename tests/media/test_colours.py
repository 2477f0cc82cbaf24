"""Colours that a profile, a gamma or chromaticities describe, and those that nothing should change."""

import io
import struct
import zlib

import pytest
from PIL import Image, ImageCms

from viewfinder.media.frames import Order
from viewfinder.media.matrix_profile import SRGB, Primaries, matrix_profile
from viewfinder.media.picture import make_picture

SWAPPED = Primaries(SRGB.white, SRGB.green, SRGB.red, SRGB.blue)
DISPLAY_P3 = Primaries(SRGB.white, (0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
COLOUR = (200, 90, 30)


def saved(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def plain(mode: str = "RGB", colour: object = COLOUR) -> Image.Image:
    return Image.new(mode, (16, 16), colour)  # type: ignore[arg-type]


def shown(data: bytes) -> tuple[int, int, int]:
    picture = make_picture(data, max_pixels=10**6, order=Order())
    pixel = Image.open(io.BytesIO(picture.data)).getpixel((8, 8))
    assert isinstance(pixel, tuple)
    return pixel[0], pixel[1], pixel[2]


def near(found: tuple[int, ...], wanted: tuple[int, ...], within: int = 6) -> bool:
    return all(abs(a - b) <= within for a, b in zip(found, wanted, strict=True))


def with_chunks(image: Image.Image, *chunks: tuple[bytes, bytes]) -> bytes:
    data = saved(image)
    made = (
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )
    return data[:33] + b"".join(made) + data[33:]


def gamma(value: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(value * 100_000))


def chromaticities(primaries: Primaries) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *(round(value * 100_000) for pair in primaries for value in pair))


def packed(profile: bytes) -> tuple[bytes, bytes]:
    return b"iCCP", b"x\0\0" + zlib.compress(profile)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_a_profile_is_applied(format: str) -> None:
    """A red circle whose profile says that its first channel is green was answered as Red."""
    profile = matrix_profile(None, SWAPPED)
    assert near(shown(saved(plain(), format, icc_profile=profile)), (90, 200, 30))


@pytest.mark.parametrize(
    ("mode", "colour", "wanted"),
    [
        ("P", 0, (90, 200, 30)),
        ("RGBA", (*COLOUR, 255), (90, 200, 30)),
        ("RGBA", (*COLOUR, 0), (255, 255, 255)),
        ("L", 77, (77, 77, 77)),
        ("LA", (77, 255), (77, 77, 77)),
    ],
)
def test_a_profile_of_three_colours_fits_all_kinds_but_print(
    mode: str, colour: object, wanted: tuple[int, int, int]
) -> None:
    image = plain().quantize(4) if mode == "P" else plain(mode, colour)
    assert near(shown(saved(image, icc_profile=matrix_profile(None, SWAPPED))), wanted)


def test_display_p3_is_that_of_a_colour_engine() -> None:
    """Photographs of telephones have it. The colours are those that W3C's CSS Color 4 computes."""
    profile = matrix_profile(None, DISPLAY_P3)
    assert near(shown(saved(plain(colour=(200, 100, 100)), icc_profile=profile)), (215, 94, 97), 3)


def test_srgb_by_any_maker_changes_no_pixel() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (srgb, b""):
        assert shown(saved(plain(), icc_profile=profile)) == COLOUR


@pytest.mark.parametrize(
    "profile",
    [
        b"junk" * 500,
        matrix_profile(None, SWAPPED)[:200],
        matrix_profile(None, SWAPPED).replace(b"RGB ", b"CMYK"),
        matrix_profile(None, SWAPPED).replace(b"RGB ", b"Lab "),
        matrix_profile(None, SWAPPED).replace(b"mntr", b"link"),
        matrix_profile(None, SWAPPED) + b"\0" * 5_000_000,
    ],
    ids=["junk", "cut off", "of print", "of no device", "a link", "too large"],
)
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_a_broken_profile_changes_nothing(format: str, profile: bytes) -> None:
    assert near(shown(saved(plain(), format, icc_profile=profile)), COLOUR)


@pytest.mark.parametrize(
    ("chunks", "wanted"),
    [
        ([gamma(1.0)], (228, 160, 96)),
        ([gamma(1 / 2.2)], COLOUR),
        ([gamma(0)], COLOUR),
        ([gamma(40_000)], COLOUR),
        ([(b"gAMA", b"\0\0")], COLOUR),
        ([chromaticities(SWAPPED)], (90, 200, 30)),
        ([chromaticities(SRGB), gamma(1 / 2.2)], COLOUR),
        ([chromaticities(Primaries((0, 0), (0, 0), (0, 0), (0, 0)))], COLOUR),
        ([chromaticities(Primaries(*[(0.3, 0.3)] * 4))], COLOUR),
        ([(b"cHRM", b"\xff" * 32)], COLOUR),
        ([(b"cHRM", b"\xff" * 9)], COLOUR),
        ([gamma(1.0), (b"sRGB", b"\0")], COLOUR),
        ([gamma(1.0), packed(matrix_profile(None, SWAPPED))], (90, 200, 30)),
        ([gamma(1.0), packed(b"")], (228, 160, 96)),
        ([(b"iCCP", b"x\0\7never"), (b"iCCP", b"x")], COLOUR),
        ([(b"tRNS", b"\0")], COLOUR),
    ],
)  # fmt: skip
def test_what_a_png_says_of_its_colours(
    chunks: list[tuple[bytes, bytes]], wanted: tuple[int, int, int]
) -> None:
    assert near(shown(with_chunks(plain(), *chunks)), wanted, 1 if wanted == COLOUR else 6)


@pytest.mark.parametrize("mode", ["L", "1", "I;16"])
def test_the_gamma_of_grey(mode: str) -> None:
    """Black and white stay, whatever is between them becomes lighter."""
    middle = {"L": 128, "1": 1, "I;16": 32768}[mode]
    found = shown(with_chunks(plain(mode, middle), gamma(1.0)))
    assert near(found, (255, 255, 255) if mode == "1" else (188, 188, 188))
