"""A question about a scene as the gateway sends it to engines; called by the canary and by measures."""

import base64
from typing import Any

from viewfinder.scenes.drawing import encode, paint, saved
from viewfinder.scenes.scene import Scene

Message = dict[str, Any]


def image_message(scene: Scene, text: str) -> Message:
    """A question with its image as a data URL, JPEG or PNG."""
    if scene.codec == "jpeg":
        return with_images([data_url("jpeg", encode(scene))], text)
    return with_images([data_url("png", saved(paint(scene), "png", compress_level=1))], text)


def with_images(urls: list[str], text: str) -> Message:
    """A user's message: the images in this order, then the text."""
    images = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    return {"role": "user", "content": [*images, {"type": "text", "text": text}]}


def data_url(codec: str, data: bytes) -> str:
    """An encoded image as the API accepts it."""
    return f"data:image/{codec};base64,{base64.b64encode(data).decode('ascii')}"
