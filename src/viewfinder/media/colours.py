"""Pixels whose colours a profile describes, as sRGB; called by `picture`.

Models are trained on sRGB: without its profile a photograph of a telephone looks pale, and one made for print
has other colours altogether. A profile counts for nothing if it is broken, of another kind of colours, or too
large.
"""

import io
import itertools
from typing import Any

from PIL import Image

from viewfinder.media.png_file import MAX_PROFILE_BYTES

MODES = {"RGB ": "RGB", "GRAY": "L", "CMYK": "CMYK"}
"""The mode of Pillow for a profile's kind of colours."""
TRIED = bytes(itertools.chain.from_iterable(itertools.product(range(0, 256, 51), repeat=3)))
NOTICEABLE = 3
"""A profile that changes no colour by more than this is sRGB by another maker: the pixels stay as they are,
which saves time, and what a name says of it does not count."""


def as_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """The image (RGB, RGBA, L, LA or CMYK) with its colours as sRGB has them; the same when there is nothing
    to change."""
    if not profile or len(profile) > MAX_PROFILE_BYTES:
        return image
    from PIL import ImageCms

    colours = image.convert(image.mode.removesuffix("A")) if image.mode.endswith("A") else image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        mode = MODES.get(source.profile.xcolor_space)
        if mode == "RGB" and colours.mode == "L":
            colours = colours.convert("RGB")
        if mode != colours.mode:
            return image
        to_srgb = ImageCms.buildTransform(source, ImageCms.createProfile("sRGB"), mode, "RGB")
        if mode == "RGB" and not _is_noticeable(to_srgb):
            return image
        right = _changed(colours, to_srgb)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return image
    if image.mode.endswith("A"):
        right.putalpha(image.getchannel("A"))
    return right


def _is_noticeable(to_srgb: Any) -> bool:
    tried = _changed(Image.frombytes("RGB", (len(TRIED) // 3, 1), TRIED), to_srgb)
    return any(abs(a - b) > NOTICEABLE for a, b in zip(TRIED, tried.tobytes(), strict=True))


def _changed(image: Image.Image, to_srgb: Any) -> Image.Image:
    changed: Image.Image = to_srgb.apply(image)
    return changed
