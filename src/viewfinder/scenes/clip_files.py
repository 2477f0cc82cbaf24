"""Writes a clip as an animated picture; called wherever a clip must become bytes."""

import io
from typing import Literal

from PIL import Image

from viewfinder.scenes.clips import FRAME_S, DrawnClip
from viewfinder.scenes.drawing import paint

ClipCodec = Literal["webp", "gif"]


def encode_clip(clip: DrawnClip, codec: ClipCodec = "webp") -> bytes:
    """The clip as an animation: every pixel as drawn in WebP, at most 256 colors in GIF.

    One pixel in a corner changes from frame to frame, because Pillow's writers make one frame of two that are
    alike.
    """
    first, *rest = (_told_apart(paint(frame), at) for at, frame in enumerate(clip.frames))
    options = {"lossless": True, "method": 0, "minimize_size": False} if codec == "webp" else {}
    buffer = io.BytesIO()
    first.save(
        buffer,
        codec,
        save_all=True,
        append_images=rest,
        duration=round(1000 * FRAME_S),
        loop=0,
        **options,
    )
    return buffer.getvalue()


def _told_apart(image: Image.Image, number: int) -> Image.Image:
    image.putpixel((0, 0), (255, 255, 255) if number % 2 else (0, 0, 0))
    return image
