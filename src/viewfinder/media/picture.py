"""Bytes of an image file to upright, opaque RGB pixels, encoded again; called by `decoder`, and by `measure`
for the user's own images.

The same pixels from the same format always become the same bytes, so that caches of engines hit.
"""

import hashlib
import io
import math
import warnings
from dataclasses import dataclass, replace

from PIL import Image
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from viewfinder.media.background import WHITE, on_background
from viewfinder.media.colours import as_srgb
from viewfinder.media.frames import Order
from viewfinder.media.header import Header, ImageFormat, Refused, count_scans, ends_early, read_header
from viewfinder.media.jpeg_file import plain_jpeg
from viewfinder.media.png_file import plain_png
from viewfinder.media.png_writer import png_of

MAX_ASPECT = 200
"""Longest to shortest edge; beyond it preprocessors compute an edge of 0 pixels (CVE-2026-22773)."""
ENGINES_ASPECT = 100
"""A thinner image gets white at its sides: llama.cpp fails from 193 on, measured with glimpse."""

MAX_SCANS = 100
MAX_SCANNED_PIXELS = 1_000_000_000
"""Of a JPEG: its scans, and its scans times its pixels. Encoders make about ten; thousands of them fit into
0.3 MB, and take minutes."""

READERS: dict[ImageFormat, type[ImageFile]] = {
    "png": PngImageFile,
    "jpeg": JpegImageFile,
    "webp": WebPImageFile,
    "gif": GifImageFile,
}
"""Listed explicitly: `Image.open` would try all of Pillow's formats, and read some JPEGs as TIFF."""

QUALITY, THUMBNAIL_QUALITY = 95, 80
"""Of a JPEG: for a model, and for people."""

REDUCING_GAP = 2.0
"""A picture that shrinks to less than half of this is first averaged over whole pixels, which is many times
faster; the filter does the rest."""
SHRINK = 0.9
"""How much smaller than its share each edge becomes when a file is too large."""
ROUNDING = 2
"""Two ways to the same size may differ by a pixel at each edge."""

JPEG_END_MARK = b"\xff\xd9"
AFTER_THE_END = bytes((at * 73 + 181) % 255 for at in range(1020))
"""Bytes without a marker, of which a decoder makes pixels where a picture is not complete."""

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
    """`data` is a file of `media_type`; `digest` the sha256 of its size and pixels before encoding.

    `reduced_from` is its size before it was scaled down to the most pixels or bytes, None if it was not.
    `upright` is the size of the file's picture as it is displayed, and `area` where in this one it lies:
    left, top, right and bottom in px.
    """

    media_type: str
    width: int
    height: int
    digest: str
    data: bytes
    reduced_from: tuple[int, int] | None = None
    upright: tuple[int, int] = (0, 0)
    area: tuple[float, float, float, float] = (0, 0, 0, 0)


def make_picture(data: bytes, *, max_pixels: int, order: Order) -> Picture:
    """The safe picture of `data` as ordered, never enlarged.

    Raises Refused. Of an animated image it is the first frame.
    """
    header = read_header(data)
    if header.width * header.height > max_pixels:
        raise Refused("too_large", width=header.width, height=header.height, most=max_pixels)
    if max(header.width, header.height) > MAX_ASPECT * min(header.width, header.height):
        raise Refused("too_thin", width=header.width, height=header.height, most=MAX_ASPECT)
    if header.format == "jpeg":
        _require_few_scans(data, header)
    try:
        with warnings.catch_warnings(action="ignore"):  # Pillow warns about odd metadata, which is dropped
            opened, profile = _opened(data, header, order)
            image = _upright(opened)
            is_turned = image.size != opened.size
            size = (header.height, header.width) if is_turned else (header.width, header.height)
            plain = _flattened(as_srgb(_with_channels(image), profile))
            return _ordered(plain, "jpeg" if header.format == "jpeg" else "png", size, order)
    except Refused:
        raise
    except Exception:  # any error of a codec on hostile bytes; its text never leaves this process
        if ends_early(data, header.format):
            raise Refused("truncated") from None
        if header.kind:
            raise Refused("unsupported", name=header.kind) from None
        raise Refused("damaged") from None


def plain_picture(image: Image.Image, format: ImageFormat, order: Order, profile: bytes = b"") -> Picture:
    """The safe picture of pixels that are decoded already: a frame of a clip."""
    return _ordered(_flattened(as_srgb(_with_channels(image), profile)), format, image.size, order)


def _require_few_scans(data: bytes, header: Header) -> None:
    most = min(MAX_SCANS, max(1, MAX_SCANNED_PIXELS // (header.width * header.height)))
    if count_scans(data, most) > most:
        raise Refused("too_many_scans", most=most)


def _opened(data: bytes, header: Header, order: Order) -> tuple[ImageFile, bytes]:
    """The pixels of a file, and the profile of their colours, if there is one."""
    profile = b""
    if header.format == "png":
        data, profile = plain_png(data)
    elif header.format == "jpeg":
        data, profile = plain_jpeg(data)
    try:
        image = _decoded(data, header, order)
    except OSError:
        if header.format != "jpeg" or not ends_early(data, "jpeg"):
            raise
        image = _only_without_end(data, header, order)
    if header.format == "webp":
        profile = image.info.get("icc_profile", b"")
    return image, profile


def _decoded(data: bytes, header: Header, order: Order) -> ImageFile:
    image = READERS[header.format](io.BytesIO(data))
    if image.size != (header.width, header.height):
        raise Refused("damaged")
    wanted = size_within(image.size, order)
    if wanted != image.size:
        image.draft(None, wanted)  # a JPEG is then decoded near the wanted size
    image.load()
    return image


def _only_without_end(data: bytes, header: Header, order: Order) -> ImageFile:
    """The picture of a JPEG that lacks its end marker and nothing else.

    A decoder makes up what is missing and does not tell. So the picture is decoded twice, with different
    bytes after its own: if no pixel depends on them, none is missing. Raises Refused.
    """
    begun = data.removesuffix(b"\xff")
    first, second = (_decoded(begun + more + JPEG_END_MARK, header, order) for more in (b"", AFTER_THE_END))
    if first.tobytes() != second.tobytes():
        raise Refused("truncated")
    return first


def _ordered(image: Image.Image, format: ImageFormat, size: tuple[int, int], order: Order) -> Picture:
    """The picture as ordered; `size` is the image's own, before a decoder may have made it smaller."""
    if order.is_thumbnail:
        return _encoded(_resized(image, size_within(image.size, order)), "jpeg", quality=THUMBNAIL_QUALITY)
    resized = _resized(image, size_within(image.size, order))
    fitting = _widened(resized)
    picture = _within(fitting, format, order.most_bytes)
    picture = replace(picture, upright=size, area=_area_of(resized, fitting, picture))
    expected = size_within(size, replace(order, most_pixels=None))
    is_reduced = picture.width + picture.height < sum(expected) - ROUNDING
    return replace(picture, reduced_from=size) if is_reduced else picture


def size_within(size: tuple[int, int], order: Order) -> tuple[int, int]:
    """The size in px that the order allows, at the same aspect ratio; also called by `video`."""
    width, height = size
    if order.longest_edge is not None and max(size) > order.longest_edge:
        width, height = (max(1, round(edge * order.longest_edge / max(size))) for edge in size)
    most = order.most_pixels
    while most is not None and (area := math.prod(_engines_size(width, height))) > most:
        scale = math.sqrt(most / area)
        width, height = (max(1, int(edge * scale)) for edge in (width, height))
    return width, height


def _engines_size(width: int, height: int) -> tuple[int, int]:
    """The size with what engines need at the sides of a thin image."""
    least = math.ceil(max(width, height) / ENGINES_ASPECT)
    return max(width, least), max(height, least)


def _widened(image: Image.Image) -> Image.Image:
    size = _engines_size(*image.size)
    if size == image.size:
        return image
    wide = Image.new("RGB", size, WHITE)
    wide.paste(image, ((size[0] - image.width) // 2, (size[1] - image.height) // 2))
    return wide


def _area_of(
    resized: Image.Image, fitting: Image.Image, picture: Picture
) -> tuple[float, float, float, float]:
    """Where in the picture the image lies that was widened to the fitting one, and then perhaps scaled."""
    across, down = picture.width / fitting.width, picture.height / fitting.height
    left, top = (fitting.width - resized.width) // 2, (fitting.height - resized.height) // 2
    right, bottom = left + resized.width, top + resized.height
    return left * across, top * down, right * across, bottom * down


def _upright(image: ImageFile) -> Image.Image:
    try:
        orientation = image.getexif().get(ORIENTATION_TAG, 1)
    except Exception:  # unreadable metadata is ignored
        orientation = 1
    method = UPRIGHT.get(orientation)
    return image if method is None else image.transpose(method)


def _with_channels(image: Image.Image) -> Image.Image:
    """8 bits of each channel, without a palette: RGB, L or CMYK, or RGBA for what is transparent."""
    if image.mode.startswith("I"):  # 16 bits of grey; `convert` alone would clip them
        image = image.convert("I").point(lambda value: value / 256).convert("L")
        image.info.pop("transparency", None)  # a level of 65,536
    if image.has_transparency_data:
        return image.convert("RGBA")
    return image if image.mode in ("RGB", "L", "CMYK") else image.convert("L" if image.mode == "1" else "RGB")


def _flattened(image: Image.Image) -> Image.Image:
    """Red, green and blue; on a background where it was transparent."""
    if image.mode == "RGBA":
        return on_background(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _resized(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if image.size == size:
        return image
    return image.resize(size, Image.Resampling.LANCZOS, reducing_gap=REDUCING_GAP)


def _within(image: Image.Image, format: ImageFormat, most_bytes: int | None) -> Picture:
    """The picture in a file of at most `most_bytes`: as a JPEG, then smaller, if it would be larger."""
    picture = _encoded(image, format)
    while most_bytes is not None and len(picture.data) > most_bytes and max(image.size) > 1:
        if picture.media_type == "image/jpeg":
            scale = SHRINK * math.sqrt(most_bytes / len(picture.data))
            width, height = (max(1, int(edge * scale)) for edge in image.size)
            image = _resized(image, (width, height))
        picture = _encoded(image, "jpeg")
    return picture


def _encoded(image: Image.Image, format: ImageFormat, quality: int = QUALITY) -> Picture:
    image.info.clear()  # else comments, profiles and palettes of the source are kept
    digest = hashlib.sha256(b"%dx%d " % image.size + image.tobytes()).hexdigest()
    data = _jpeg_of(image, quality) if format == "jpeg" else png_of(image)
    return Picture(f"image/{format}", image.width, image.height, digest, data)


def _jpeg_of(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality, subsampling=0)
    return file.getvalue()
