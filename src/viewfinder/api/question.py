"""A question with its images, as the message that the gateway takes; called by `model` and `ask`."""

import base64
import io
import mimetypes
import os
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

from PIL import Image

from viewfinder.core.errors import BadRequest
from viewfinder.core.files import read_file, require_file
from viewfinder.scenes.messages import with_images

ImageSource: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | Image.Image
"""A file's path, a folder's (every image in it, by name), a data URL, the bytes of a file, or a PIL image."""
AskPart: TypeAlias = ImageSource | Sequence[ImageSource]
"""Pictures, then the question."""

IMAGE_FILE_BYTES = 40 * 1024 * 1024
"""The largest image file that `ask` sends: as base64 it still fits the gateway's default limit."""
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif")
_HINT = "Images are files (PNG, JPEG, WebP or GIF, at most 40 MiB), and come before the question."
_OTHER_SUFFIXES = (".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jfif")
"""Of pictures that are not taken, and surely of no question."""
_ADDRESS = re.compile(r"https?://\S+")
_ANY_QUESTION = '"What is this?"'
_LAST = 'It comes last: ask("photo.jpg", "What is this?").'


def question_of(parts: Sequence[AskPart]) -> dict[str, Any]:
    """The user message: images, then the question. Raises BadRequest."""
    return with_images(images_before(parts), str(parts[-1]))


def images_before(parts: Sequence[AskPart]) -> list[str]:
    """The data URLs of the images before a question, which comes last. Raises BadRequest."""
    if not parts or not isinstance(parts[-1], str) or (len(parts) == 1 and _is_file(parts[-1])):
        raise BadRequest("The question is missing.", hint=_LAST)
    return [url for part in parts[:-1] for url in _data_urls(part)]


def check_question(parts: Sequence[str]) -> None:
    """Raise BadRequest when what was typed has no question, or an image that cannot be one by its kind or
    size; opens none of them. A folder may be one."""
    *images, last = parts
    if _ADDRESS.fullmatch(last):
        _require_no_address(last)
    if not last.strip() or _is_file(last) or Path(last).suffix.lower() in (*IMAGE_SUFFIXES, *_OTHER_SUFFIXES):
        raise BadRequest("The question is missing.", hint=_with_question(parts))
    check_images(images)


def check_images(images: Sequence[str], *, hint: str = _HINT) -> None:
    """Raise BadRequest for what cannot be an image by its kind or size; opens none. A folder may be one."""
    for image in images:
        _require_no_address(image)
        if not os.path.isdir(image):  # noqa: PTH112 - of a name that no file can have, too
            require_file(Path(image), IMAGE_FILE_BYTES, hint=hint)


def _with_question(parts: Sequence[str]) -> str:
    """How what was typed would be typed with a question at its end: one that stood before, or any."""
    said = [part for part in parts if part.strip() and " " in part and not _is_file(part)]
    images = [part for part in parts if part.strip() and part not in said] or ["photo.jpg"]
    question = f'"{said[0]}"' if len(said) == 1 and said[0].isprintable() and '"' not in said[0] else ""
    return f"It comes last: viewfinder ask MODEL {shlex.join(images)} {question or _ANY_QUESTION}"


def require_data_urls(images: Sequence[str]) -> None:
    """Raise BadRequest for an image that is none: where a caller must not read this computer's files."""
    for image in images:
        if not image.startswith("data:"):
            raise BadRequest(
                "An image is no data URL.", hint="Send the file itself: data:image/png;base64,<in base64>."
            )


def _require_no_address(image: str) -> None:
    if image.startswith(("http:/", "https:/")):  # a path has no second slash
        raise BadRequest("An image is an address on the web.", hint="Download it, and give the file's path.")


def _data_urls(part: object) -> Iterator[str]:
    """The images of a part as data URLs; the gateway checks what they really hold."""
    if isinstance(part, list | tuple):
        for one in part:
            yield from _data_urls(one)
    elif isinstance(part, str) and part.startswith("data:"):
        yield part
    elif isinstance(part, str | os.PathLike):
        _require_no_address(str(part))
        yield from (url for _, url in images_at(Path(part)))
    elif isinstance(part, bytes | bytearray | memoryview):
        yield _data_url("application/octet-stream", bytes(part))
    elif isinstance(part, Image.Image):
        yield _of_image(part)
    else:
        raise BadRequest(
            f"An image cannot be of the type {type(part).__name__}.",
            hint="Give a path, bytes, a PIL image (PIL.Image.fromarray(array)), or a list of those.",
        )


def images_at(path: Path) -> list[tuple[Path, str]]:
    """The file, or the images of the folder, each with its data URL. Raises BadRequest."""
    _require_no_address(str(path))
    return [(file, _of_file(file)) for file in files_at(path)]


def files_at(path: Path) -> list[Path]:
    """The file, or the images of the folder in the order of their names."""
    if not path.is_dir():
        return [path]
    images = sorted(file for file in path.iterdir() if file.suffix.lower() in IMAGE_SUFFIXES)
    if not images:
        raise BadRequest(f"The folder {path} has no images.", hint=_HINT)
    return images


def _of_file(file: Path) -> str:
    content = read_file(file, IMAGE_FILE_BYTES, hint=_HINT)
    return _data_url(mimetypes.guess_type(file.name)[0] or "application/octet-stream", content)


def _of_image(image: Image.Image) -> str:
    """Without loss; modes that PNG does not have become RGB."""
    file = io.BytesIO()
    plain = image if image.mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16") else image.convert("RGB")
    plain.save(file, "PNG", compress_level=1)
    return _data_url("image/png", file.getvalue())


def _data_url(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _is_file(text: str) -> bool:
    try:
        return Path(text).exists()
    except (OSError, ValueError):  # no name that a file can have
        return False
