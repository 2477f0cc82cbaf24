"""Safe PNGs: every pixel arrives, in a file that is whole and says nothing else."""

import io
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from viewfinder.media.png_file import START
from viewfinder.media.png_writer import BAND_PIXELS, png_of


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def read_again(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as opened:
        opened.verify()  # the checksum of every chunk
    return Image.open(io.BytesIO(data))


@settings(max_examples=60, deadline=None)
@given(width=st.integers(1, 70), height=st.integers(1, 70), seed=st.integers(0, 9))
def test_every_pixel_arrives(width: int, height: int, seed: int) -> None:
    image = noise(width, height, seed)
    again = read_again(png_of(image))
    assert (again.format, again.mode, again.size, again.info) == ("PNG", "RGB", image.size, {})
    assert again.tobytes() == image.tobytes()


@pytest.mark.parametrize("size", [(3, BAND_PIXELS // 3 + 2), (1300, 1700), (BAND_PIXELS + 1, 2)])
def test_so_they_do_across_bands(size: tuple[int, int]) -> None:
    image = noise(*size)
    assert read_again(png_of(image)).tobytes() == image.tobytes()


def test_the_same_pixels_become_the_same_bytes_and_nothing_of_the_source() -> None:
    image = noise(40, 30)
    image.info["icc_profile"] = b"secret"
    data = png_of(image)
    assert data == png_of(noise(40, 30))
    assert data.startswith(START)
    assert [data[at : at + 4] for at in (12, 37)] == [b"IHDR", b"IDAT"]
    assert data.endswith(b"IEND" + zlib.crc32(b"IEND").to_bytes(4))


def test_a_drawing_is_no_larger_than_from_pillow() -> None:
    image = Image.linear_gradient("L").resize((512, 512)).convert("RGB")
    image.paste((200, 30, 30), (100, 100, 300, 260))
    file = io.BytesIO()
    image.save(file, "PNG", compress_level=1)
    assert len(png_of(image)) < 1.1 * len(file.getvalue())
