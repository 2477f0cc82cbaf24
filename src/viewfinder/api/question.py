"""A question with its images, as the message that the gateway takes; called by `model` and `ask`."""

import base64
import io
import mimetypes
import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from PIL import Image

from viewfinder.core.errors import BadRequest
from viewfinder.core.files import read_file, require_file
from viewfinder.media.animated import is_animated
from viewfinder.media.clip_kind import KIND_BYTES, clip_kind
from viewfinder.media.frames import FrameChoice
from viewfinder.media.header import Refused

ImageSource: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | Image.Image
"""A file's path, a folder's (every image in it, by name), a data URL, the bytes of a file, or a PIL image."""
CLIP_START = "data:video/"
"""Of the data URL of a clip, whatever it is a file of."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip as a part of a question: `source` is one as for an image, of which the model is shown `frames`
    frames at most, chosen evenly over its "time", or where most "change"s.

    A clip need not be wrapped in it: a path to a video or an animation is one, too.
    """

    source: ImageSource
    frames: int | None = None
    choose: FrameChoice = "time"

    @property
    def options(self) -> dict[str, Any]:
        """What is not said is for the gateway's settings."""
        frames = {} if self.frames is None else {"frames": self.frames}
        return frames if self.choose == "time" else {**frames, "choose": self.choose}


AskPart: TypeAlias = ImageSource | Clip | Sequence[ImageSource | Clip]
"""Pictures and clips, then the question."""

IMAGE_FILE_BYTES = 40 * 1024 * 1024
"""The largest image file that `ask` sends: as base64 it still fits the gateway's default limit."""
CLIP_SUFFIXES = (".mp4", ".m4v", ".mov", ".webm", ".mkv", ".ogv", ".3gp")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif")
_HINT = (
    "Images (PNG, JPEG, WebP, GIF) and clips (MP4, MOV, WebM, MKV) are files of at most 40 MiB, and come "
    "before the question."
)
OTHER_IMAGE_SUFFIXES = (".bmp", ".tif", ".tiff", ".heic", ".heif", ".avif", ".jfif")
"""Of pictures that are not taken, and surely of no question."""
_ADDRESS = re.compile(r"https?://\S+")
_ANY_QUESTION = '"What is this?"'
_LAST = 'It comes last: ask("photo.jpg", "What is this?").'


def question_of(parts: Sequence[AskPart]) -> dict[str, Any]:
    """The user message: images and clips, then the question. Raises BadRequest."""
    _require_question(parts)
    shown = [one for part in parts[:-1] for one in _shown(part)]
    return {"role": "user", "content": [*shown, {"type": "text", "text": str(parts[-1])}]}


def message_of(urls: Sequence[str], question: str) -> dict[str, Any]:
    """The user message with these data URLs, as `images_at` makes them."""
    return {"role": "user", "content": [*map(shown_part, urls), {"type": "text", "text": question}]}


def shown_part(url: str, options: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The part of a message for an image or a clip; `options` are those of a clip, even of one image."""
    if options is None and not url.startswith(CLIP_START):
        return {"type": "image_url", "image_url": {"url": url}}
    return {"type": "video_url", "video_url": {"url": url, **(options or {})}}


def with_options(parts: Sequence[str], frames: int | None, choose: FrameChoice) -> list[AskPart]:
    """The typed parts, the clips among them with these options. Raises BadRequest when there is none."""
    made: list[AskPart] = [
        Clip(part, frames, choose) if at < len(parts) - 1 and is_clip_file(part) else part
        for at, part in enumerate(parts)
    ]
    if (frames is not None or choose != "time") and not any(isinstance(part, Clip) for part in made):
        raise BadRequest(
            "--frames and --choose are for clips, and no file here is one.",
            hint="A clip is an MP4, MOV, WebM or MKV file, or an animated GIF or WebP.",
            param="frames",
        )
    return made


def is_clip_file(path: str) -> bool:
    """Whether there is a video or an animation at the path."""
    return Path(path).is_file() and _is_clip(read_file(Path(path), IMAGE_FILE_BYTES, hint=_HINT))


def _shown(part: object) -> Iterator[dict[str, Any]]:
    if isinstance(part, list | tuple):
        for one in part:
            yield from _shown(one)
    elif isinstance(part, Clip):
        yield from (shown_part(url, part.options) for url in _data_urls(part.source))
    else:
        yield from map(shown_part, _data_urls(part))


def images_before(parts: Sequence[AskPart]) -> list[str]:
    """The data URLs of the images before a question, which comes last. Raises BadRequest."""
    _require_question(parts)
    return [url for part in parts[:-1] for url in _data_urls(part)]


def _require_question(parts: Sequence[AskPart]) -> None:
    if not parts or not isinstance(parts[-1], str) or (len(parts) == 1 and _is_file(parts[-1])):
        raise BadRequest("The question is missing.", hint=_LAST)


def check_question(parts: Sequence[str]) -> None:
    """Raise BadRequest when what was typed has no question, or an image that cannot be one by its kind or
    size; opens none of them. A folder may be one."""
    *images, last = parts
    if _ADDRESS.fullmatch(last):
        _require_no_address(last)
    if (
        not last.strip()
        or _is_file(last)
        or Path(last).suffix.lower()
        in (
            *IMAGE_SUFFIXES,
            *CLIP_SUFFIXES,
            *OTHER_IMAGE_SUFFIXES,
        )
    ):
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
        content = bytes(part)
        yield _data_url("video/any" if _is_clip(content) else "application/octet-stream", content)
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
    if _is_clip(content):
        return _data_url("video/any", content)
    return _data_url(mimetypes.guess_type(file.name)[0] or "application/octet-stream", content)


def _is_clip(content: bytes) -> bool:
    """By its bytes: a video, or an image that moves."""
    try:
        kind = clip_kind(content[:KIND_BYTES])
    except Refused:
        return False
    return kind not in ("gif", "webp") or is_animated(content)


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
