"""A question about a scene as the gateway sends it to engines; called by the canary and by measures."""

import base64
import io
from typing import Any

from viewfinder.scenes.drawing import encode, encode_png, paint
from viewfinder.scenes.scene import Scene

Message = dict[str, Any]


def image_message(scene: Scene, text: str, longest: int | None = None) -> Message:
    """A question with its image as a data URL, JPEG or PNG; `longest` is the longest edge of a shrunk PNG."""
    if longest is not None:
        return with_images([data_url("png", encode_png(scene, longest))], text)
    if scene.codec == "jpeg":
        return with_images([data_url("jpeg", encode(scene))], text)
    return with_images([data_url("png", _fast_png(scene))], text)


def with_images(urls: list[str], text: str) -> Message:
    """A user's message: the images in this order, then the text."""
    images = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {"role": "user", "content": [*images, {"type": "text", "text": text}]}


def data_url(codec: str, data: bytes) -> str:
    """An encoded image as the API accepts it."""
    return f"data:image/{codec};base64,{base64.b64encode(data).decode('ascii')}"


def _fast_png(scene: Scene) -> bytes:
    buffer = io.BytesIO()
    paint(scene).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()
