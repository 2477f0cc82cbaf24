"""Pixels are kept: the tests check the colours of the result."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin
from PIL.JpegImagePlugin import JpegImageFile

from viewfinder.media.frames import Order
from viewfinder.media.header import Refused
from viewfinder.media.picture import Picture, make_picture

RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


def saved(image: Image.Image, format: str = "PNG", **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def made(
    data: bytes, longest_edge: int | None = None, max_pixels: int = 10**7
) -> tuple[Picture, Image.Image]:
    picture = make_picture(data, max_pixels=max_pixels, order=Order(longest_edge))
    image = Image.open(io.BytesIO(picture.data))
    image.load()
    assert image.mode == "RGB"
    assert image.size == (picture.width, picture.height)
    return picture, image


def refused(data: bytes, max_pixels: int = 10**7) -> Refused:
    with pytest.raises(Refused) as caught:
        make_picture(data, max_pixels=max_pixels, order=Order())
    return caught.value


def halves() -> Image.Image:
    """64 x 32: red on the left, blue on the right."""
    image = Image.new("RGB", (64, 32), RED)
    image.paste(BLUE, (32, 0, 64, 32))
    return image


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def near(found: object, wanted: tuple[int, int, int], within: int = 6) -> bool:
    assert isinstance(found, tuple)
    return all(abs(a - b) <= within for a, b in zip(found, wanted, strict=True))


@pytest.mark.parametrize("options", [{"format": "PNG"}, {"format": "WEBP", "lossless": True}])
def test_lossless_pixels_pass_unchanged(options: dict[str, object]) -> None:
    source = noise(61, 43)
    picture, image = made(saved(source, **options))  # type: ignore[arg-type]
    assert picture.media_type == "image/png"
    assert image.tobytes() == source.tobytes()


def test_a_jpeg_stays_a_jpeg_and_loses_almost_nothing() -> None:
    data = saved(noise(64, 64).resize((256, 256)), "JPEG", quality=90)
    picture, image = made(data)
    assert picture.media_type == "image/jpeg"
    before, after = (
        np.asarray(each, np.int16) for each in (Image.open(io.BytesIO(data)).convert("RGB"), image)
    )
    assert np.abs(before - after).mean() < 2


def test_the_same_pixels_are_the_same_bytes_whatever_came_with_them() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Author", "someone", zip=True)
    plain = saved(halves())
    noted = saved(halves(), pnginfo=notes, dpi=(300, 300), icc_profile=b"x" * 200, compress_level=9)
    assert plain != noted
    assert make_picture(plain, max_pixels=10**6, order=Order()) == make_picture(
        noted, max_pixels=10**6, order=Order()
    )


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
def test_metadata_is_dropped(format: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    picture, image = made(saved(halves(), format, exif=exif, icc_profile=b"x" * 200))
    assert b"where I live" not in picture.data
    assert not image.getexif()
    assert "icc_profile" not in image.info


def test_other_pixels_have_another_digest() -> None:
    digests = {made(saved(noise(8, 8, seed)))[0].digest for seed in range(5)}
    flat = [made(saved(Image.new("RGB", size)))[0].digest for size in [(2, 8), (8, 2), (4, 4)]]
    assert len(digests | set(flat)) == 8


def test_the_size_that_was_sent_is_kept() -> None:
    picture, _ = made(saved(noise(1500, 700)))
    assert (picture.width, picture.height) == (1500, 700)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize(
    ("edge", "size"), [(512, (512, 240)), (1499, (1499, 703)), (1500, (1500, 703)), (4000, (1500, 703))]
)
def test_made_smaller_only_to_fit(format: str, edge: int, size: tuple[int, int]) -> None:
    picture, _ = made(saved(Image.new("RGB", (1500, 703)), format), longest_edge=edge)
    assert (picture.width, picture.height) == size


def test_a_jpeg_that_is_decoded_small_looks_the_same() -> None:
    _, image = made(saved(halves().resize((1600, 800)), "JPEG", quality=95), longest_edge=100)
    assert image.size == (100, 50)
    assert near(image.getpixel((10, 25)), RED)
    assert near(image.getpixel((90, 25)), BLUE)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize(
    ("orientation", "size", "red_at", "blue_at"),
    [
        (1, (64, 32), (5, 16), (58, 16)),
        (2, (64, 32), (58, 16), (5, 16)),
        (3, (64, 32), (58, 16), (5, 16)),
        (4, (64, 32), (5, 16), (58, 16)),
        (5, (32, 64), (16, 5), (16, 58)),
        (6, (32, 64), (16, 5), (16, 58)),
        (7, (32, 64), (16, 58), (16, 5)),
        (8, (32, 64), (16, 58), (16, 5)),
        (9, (64, 32), (5, 16), (58, 16)),
    ],
)
def test_turned_upright(
    format: str, orientation: int, size: tuple[int, int], red_at: tuple[int, int], blue_at: tuple[int, int]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if format == "WEBP" else {}
    _, image = made(saved(halves(), format, exif=exif, **options))
    assert image.size == size
    assert near(image.getpixel(red_at), RED)
    assert near(image.getpixel(blue_at), BLUE)


def test_metadata_that_cannot_be_read_turns_nothing() -> None:
    _, image = made(saved(halves(), "JPEG", exif=b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\x01\x12"))
    assert image.size == (64, 32)


def with_alpha(mode: str) -> Image.Image:
    """The left half is transparent; the color under it is red or black."""
    image = halves().convert("RGBA")
    image.paste((*RED, 0), (0, 0, 32, 32))
    return image.convert(mode)


@pytest.mark.parametrize(
    ("data", "right"),
    [
        (saved(with_alpha("RGBA")), BLUE),
        (saved(with_alpha("RGBA"), "WEBP", lossless=True, exact=True), BLUE),
        (saved(with_alpha("LA")), (29, 29, 29)),
        (saved(with_alpha("RGBA").quantize(8, method=Image.Quantize.FASTOCTREE)), BLUE),
        (saved(halves(), transparency=RED), BLUE),
        (saved(halves().quantize(2), transparency=halves().quantize(2).getpixel((0, 0))), BLUE),
    ],
    ids=["RGBA", "webp", "LA", "palette with alpha", "RGB with a clear colour", "palette with a clear index"],
)
def test_transparent_is_white(data: bytes, right: tuple[int, int, int]) -> None:
    _, image = made(data)
    assert image.getpixel((5, 5)) == WHITE
    assert near(image.getpixel((60, 5)), right)


def test_half_transparent_is_half_white() -> None:
    _, image = made(saved(Image.new("RGBA", (4, 4), (*RED, 128))))
    assert near(image.getpixel((1, 1)), (255, 127, 127), 1)


def test_16_bits_of_grey_are_scaled_and_not_clipped() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint16) * 257, 4).reshape(32, 32)
    _, image = made(saved(Image.fromarray(ramp)))
    assert np.asarray(image)[..., 0].tolist() == (ramp >> 8).tolist()


def png(width: int, height: int, bits: int, rows: bytes) -> bytes:
    """A PNG of colours from its packed rows."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4) + name + body + zlib.crc32(name + body).to_bytes(4)

    header = width.to_bytes(4) + height.to_bytes(4) + bytes((bits, 2, 0, 0, 0))
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def test_16_bits_of_colour() -> None:
    _, image = made(png(5, 3, 16, (b"\0" + b"\xff\xff\x80\x00\x00\x00" * 5) * 3))
    assert near(image.getpixel((2, 1)), (255, 128, 0), 1)


def test_rows_that_are_missing_show_nothing_of_other_pictures() -> None:
    made(saved(noise(300, 300)))
    _, image = made(png(300, 300, 8, (b"\0" + b"\xff" * 900) * 10))
    assert np.asarray(image)[:10].min() == 255
    assert np.asarray(image)[10:].max() == 0


@pytest.mark.parametrize(
    ("mode", "colour", "wanted"),
    [("CMYK", (255, 0, 0, 0), (0, 255, 255)), ("CMYK", (0, 0, 0, 255), (0, 0, 0)), ("L", 90, (90, 90, 90))],
)
def test_jpegs_of_other_colours(mode: str, colour: object, wanted: tuple[int, int, int]) -> None:
    _, image = made(saved(Image.new(mode, (16, 16), colour), "JPEG", quality=95))  # type: ignore[arg-type]
    assert near(image.getpixel((8, 8)), wanted)


def test_one_bit() -> None:
    _, image = made(saved(Image.new("1", (9, 9), 1)))
    assert image.getpixel((4, 4)) == WHITE


@pytest.mark.parametrize("format", ["PNG", "WEBP", "GIF"])
def test_an_animation_gives_its_first_frame(format: str) -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in (BLUE, RED, RED)]
    data = saved(frames[0], format, save_all=True, append_images=frames[1:], lossless=True)
    _, image = made(data)
    assert image.getpixel((9, 9)) == BLUE


def test_two_pictures_in_one_jpeg_give_the_first() -> None:
    data = saved(halves(), "MPO", save_all=True, append_images=[Image.new("RGB", (64, 32), BLUE)])
    picture, image = made(data)
    assert picture.media_type == "image/jpeg"
    assert near(image.getpixel((5, 16)), RED)


@pytest.mark.parametrize(
    ("size", "wide"),
    [((1, 200), (2, 200)), ((200, 1), (200, 2)), ((10, 1930), (20, 1930)), ((1, 101), (2, 101))],
)
def test_a_thin_picture_gets_what_engines_need(size: tuple[int, int], wide: tuple[int, int]) -> None:
    """llama.cpp answered 1 x 200 with an error that said nothing of the picture."""
    picture, image = made(saved(Image.new("RGB", size, RED)))
    assert image.size == wide
    assert picture.reduced_from is None
    colours = np.asarray(image).reshape(-1, 3)
    assert (colours == RED).all(1).sum() == size[0] * size[1]
    assert (colours == WHITE).all(1).sum() == wide[0] * wide[1] - size[0] * size[1]


def test_a_thin_picture_is_scaled_down_with_what_it_gets() -> None:
    order = Order(most_pixels=8000)
    picture = make_picture(saved(noise(10, 2000)), max_pixels=10**7, order=order)
    assert picture.width * picture.height <= 8000
    assert picture.reduced_from == (10, 2000)


def test_the_limit_on_pixels() -> None:
    data = saved(Image.new("RGB", (100, 50)))
    made(data, max_pixels=5000)
    fault = refused(data, max_pixels=4999)
    assert (fault.fault, fault.details) == ("too_large", {"width": 100, "height": 50, "most": 4999})


@pytest.mark.parametrize("size", [(1, 201), (201, 1), (1, 65000)])
def test_too_thin(size: tuple[int, int]) -> None:
    assert refused(saved(Image.new("RGB", size))).fault == "too_thin"


@pytest.mark.parametrize("size", [(1, 1), (1, 100), (3, 5), (400, 4)])
def test_small_and_odd_sizes_pass(size: tuple[int, int]) -> None:
    _, image = made(saved(Image.new("RGB", size)))
    assert image.size == size


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_truncated(format: str, share: float) -> None:
    data = saved(noise(200, 200), format)
    assert refused(data[: int(len(data) * share)]).fault == "truncated"


@pytest.mark.parametrize("progressive", [False, True])
def test_a_jpeg_that_lacks_only_its_end_is_whole(progressive: bool) -> None:
    """Viewers show it, and a PNG without its end was taken."""
    data = saved(noise(200, 150), "JPEG", progressive=progressive)
    whole, _ = made(data)
    for cut in (data[:-2], data[:-1], data[:-2] + b"\0" * 9):
        assert made(cut)[0] == whole
    for lost in (*range(4, 40), 300, 3000):
        assert refused(data[:-lost]).fault == "truncated"


def test_a_file_that_lies_about_its_size_is_damaged() -> None:
    data = bytearray(saved(noise(64, 64), "WEBP", lossless=True, exif=b"Exif\0\0x"))
    data[24:27] = (9).to_bytes(3, "little")
    assert refused(bytes(data)).fault == "damaged"


def test_a_file_of_two_sizes_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is checked on the first size; a decoder would allocate memory for the second."""
    data = saved(noise(64, 64), "JPEG")
    at = data.index(b"\xff\xc0")
    decoded: list[tuple[int, int]] = []
    monkeypatch.setattr(JpegImageFile, "load", lambda image: decoded.append(image.size))
    small = data[at : at + 5] + (8).to_bytes(2) * 2 + data[at + 9 : at + 19]
    assert refused(data[:at] + small + data[at:], max_pixels=100).fault == "damaged"
    assert decoded == []


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([saved(noise(24, 16), name) for name in ("PNG", "JPEG", "WEBP")]),
    st.lists(st.tuples(st.integers(0, 600), st.binary(min_size=1, max_size=4)), min_size=1, max_size=4),
)
def test_damage_anywhere_gives_a_picture_or_a_fault(data: bytes, patches: list[tuple[int, bytes]]) -> None:
    for at, patch in patches:
        data = data[:at] + patch + data[at + len(patch) :]
    try:
        made(data)
    except Refused:
        return


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize(("size", "smaller"), [((400, 300), (200, 150)), ((100, 1200), (50, 600))])
def test_a_picture_is_scaled_down_to_the_most_pixels(
    format: str, size: tuple[int, int], smaller: tuple[int, int]
) -> None:
    most = smaller[0] * smaller[1]
    picture = make_picture(saved(noise(*size), format), max_pixels=10**7, order=Order(most_pixels=most))
    assert ((picture.width, picture.height), picture.reduced_from) == (smaller, size)
    same = make_picture(saved(noise(*smaller), format), max_pixels=10**7, order=Order(most_pixels=most))
    assert ((same.width, same.height), same.reduced_from) == (smaller, None)


def test_the_size_before_is_that_of_the_upright_picture() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = saved(noise(400, 100), "JPEG", exif=exif)
    picture = make_picture(data, max_pixels=10**7, order=Order(most_pixels=10_000))
    assert ((picture.width, picture.height), picture.reduced_from) == ((50, 200), (100, 400))


@pytest.mark.parametrize("size", [(1201, 601), (999, 1333), (513, 512)])
def test_a_low_detail_is_not_called_a_reduction(size: tuple[int, int]) -> None:
    order = Order(512, most_pixels=10**6, most_bytes=10**7)
    for format in ("PNG", "JPEG"):
        picture = make_picture(saved(noise(*size), format), max_pixels=10**7, order=order)
        assert (max(picture.width, picture.height), picture.reduced_from) == (512, None)


def test_a_file_that_is_too_large_becomes_a_jpeg_and_then_smaller() -> None:
    data = saved(noise(300, 300))
    png, jpeg, smaller = (
        make_picture(data, max_pixels=10**7, order=Order(most_bytes=most))
        for most in (300_000, 250_000, 20_000)
    )
    assert (png.media_type, jpeg.media_type, smaller.media_type) == ("image/png", "image/jpeg", "image/jpeg")
    assert png.digest == jpeg.digest, "only the file is another"
    assert (jpeg.width, jpeg.reduced_from) == (300, None)
    assert len(smaller.data) <= 20_000
    assert smaller.reduced_from == (300, 300)
    assert 50 < smaller.width < 150


@settings(max_examples=30, deadline=None)
@given(
    width=st.integers(1, 60),
    height=st.integers(1, 60),
    most_pixels=st.integers(1, 4000),
    most_bytes=st.integers(600, 9000),
    format=st.sampled_from(["PNG", "JPEG"]),
)
def test_no_picture_is_larger_than_ordered(
    width: int, height: int, most_pixels: int, most_bytes: int, format: str
) -> None:
    order = Order(most_pixels=most_pixels, most_bytes=most_bytes)
    picture = make_picture(saved(noise(width, height), format), max_pixels=10**7, order=order)
    assert picture.width * picture.height <= max(most_pixels, width, height)
    assert len(picture.data) <= max(most_bytes, 700)
