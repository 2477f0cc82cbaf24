"""A question with its image files, as the message that the gateway takes; called by `model` and `ask`."""

import base64
import mimetypes
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from viewfinder.core.errors import BadRequest
from viewfinder.core.files import read_file, require_file
from viewfinder.scenes.messages import with_images

IMAGE_FILE_BYTES = 40 * 1024 * 1024
"""The largest image file that `ask` sends: as base64 it still fits the gateway's default limit."""
_HINT = "Images are files (PNG, JPEG or WebP, at most 40 MiB), and come before the question."


def question_of(parts: Sequence[str | Path]) -> dict[str, Any]:
    """The user message: images, then the question. Raises BadRequest."""
    if not parts or not isinstance(parts[-1], str):
        raise BadRequest("The question is missing.", hint='It comes last: ask("photo.jpg", "What is this?").')
    return with_images([_data_url(Path(image)) for image in parts[:-1]], parts[-1])


def check_images(images: Sequence[str | Path]) -> None:
    """Raise BadRequest for what cannot be an image by its kind or size; opens none of them."""
    for image in images:
        require_file(Path(image), IMAGE_FILE_BYTES, hint=_HINT)


def _data_url(file: Path) -> str:
    """The file as a data URL; the gateway checks what it really holds."""
    content = read_file(file, IMAGE_FILE_BYTES, hint=_HINT)
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
