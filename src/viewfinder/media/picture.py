"""Bytes of an image file to upright, opaque RGB pixels, encoded again; called by `decoder`, and by `measure`
for the user's own images.

The same pixels from the same format always become the same bytes, so that caches of engines hit.
"""

import hashlib
import io
import warnings
from dataclasses import dataclass

from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from viewfinder.media.header import Header, ImageFormat, Refused, ends_early, read_header

MAX_ASPECT = 200
"""Longest to shortest edge; beyond it preprocessors compute an edge of 0 pixels (CVE-2026-22773)."""

READERS: dict[ImageFormat, type[ImageFile]] = {
    "png": PngImageFile,
    "jpeg": JpegImageFile,
    "webp": WebPImageFile,
}
"""Listed explicitly: `Image.open` would try all of Pillow's formats, and read some JPEGs as TIFF."""

QUALITY, THUMBNAIL_QUALITY = 95, 80
"""Of a JPEG: for a model, and for people."""

ORIENTATION_TAG = 0x0112
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Picture:
    """`data` is a file of `media_type`; `digest` the sha256 of its size and pixels before encoding."""

    media_type: str
    width: int
    height: int
    digest: str
    data: bytes


def make_picture(
    data: bytes, *, max_pixels: int, longest_edge: int | None, is_thumbnail: bool = False
) -> Picture:
    """The safe picture of `data`, shrunk to fit `longest_edge`, never enlarged; a thumbnail is a small JPEG
    whatever the format of `data`.

    Raises Refused. Of an animated image it is the first frame.
    """
    header = read_header(data)
    if header.width * header.height > max_pixels:
        raise Refused("too_large", width=header.width, height=header.height, most=max_pixels)
    if max(header.width, header.height) > MAX_ASPECT * min(header.width, header.height):
        raise Refused("too_thin", width=header.width, height=header.height, most=MAX_ASPECT)
    try:
        with warnings.catch_warnings(action="ignore"):  # Pillow warns about odd metadata, which is dropped
            image = _upright(_opened(data, header, longest_edge))
            image = _fitted(_flattened(image), longest_edge)
    except Refused:
        raise
    except Exception:  # any error of a codec on hostile bytes; its text never leaves this process
        raise Refused("truncated" if ends_early(data, header.format) else "damaged") from None
    if is_thumbnail:
        return _encoded(image, "jpeg", quality=THUMBNAIL_QUALITY)
    return _encoded(image, "jpeg" if header.format == "jpeg" else "png")


def _opened(data: bytes, header: Header, longest_edge: int | None) -> ImageFile:
    image = READERS[header.format](io.BytesIO(data))
    if image.size != (header.width, header.height):
        raise Refused("damaged")
    if longest_edge is not None:
        image.draft(None, (longest_edge, longest_edge))  # a JPEG is then decoded near the wanted size
    image.load()
    return image


def _upright(image: ImageFile) -> Image.Image:
    try:
        orientation = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # unreadable metadata is ignored
        orientation = 1
    method = UPRIGHT.get(orientation)
    return image if method is None else image.transpose(method)


def _flattened(image: Image.Image) -> Image.Image:
    """8 bits of red, green and blue; white where it was transparent."""
    if image.mode.startswith("I"):  # 16 bits of grey; `convert` alone would clip them
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.new("RGB", layer.size, "white")
        image.paste(layer, mask=layer)
    return image if image.mode == "RGB" else image.convert("RGB")


def _fitted(image: Image.Image, longest_edge: int | None) -> Image.Image:
    longest = max(image.size)
    if longest_edge is None or longest <= longest_edge:
        return image
    width, height = (max(1, round(edge * longest_edge / longest)) for edge in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def _encoded(image: Image.Image, format: ImageFormat, quality: int = QUALITY) -> Picture:
    image.info.clear()  # else comments, profiles and palettes of the source are kept
    digest = hashlib.sha256(b"%dx%d " % image.size + image.tobytes()).hexdigest()
    file = io.BytesIO()
    if format == "jpeg":
        image.save(file, "JPEG", quality=quality, subsampling=0)
    else:
        image.save(file, "PNG", compress_level=1)
    return Picture(f"image/{format}", image.width, image.height, digest, file.getvalue())
