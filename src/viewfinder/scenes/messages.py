"""A question about a scene as the gateway sends it to engines; called by the canary and the benchmark."""

import base64
import io
from typing import Any

from viewfinder.scenes.drawing import encode, paint
from viewfinder.scenes.scene import Scene

Message = dict[str, Any]


def image_message(scene: Scene, text: str) -> Message:
    """A question with its image as a data URL, JPEG or else PNG."""
    url = f"data:image/{'jpeg' if scene.codec == 'jpeg' else 'png'};base64,{_base64(scene)}"
    return {
        "role": "user",
        "content": [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": text}],
    }


def _base64(scene: Scene) -> str:
    if scene.codec == "jpeg":
        data = encode(scene)
    else:
        buffer = io.BytesIO()
        paint(scene).save(buffer, "PNG", compress_level=1)
        data = buffer.getvalue()
    return base64.b64encode(data).decode("ascii")
