"""What engines and the fleet wrote to their files, also while nothing runs; called by `logs` and `events`."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from watchfiles import watch

from viewfinder.api.setup import open_catalog
from viewfinder.core import paths
from viewfinder.core.config import load_settings
from viewfinder.core.errors import BadRequest, ViewfinderError
from viewfinder.host.output import visible

LINE_BYTES = 64 * 1024
"""A line that is longer is shown in pieces."""
LOG_GROUP_MS = 200
"""A busy engine's lines are shown that often."""
LOG_CHECK_MS = 1000
"""Between two looks at the file where the system reports no changes (a network mount)."""


def log_file(model: str) -> Path:
    """The file of a model's engine. Raises BadRequest, with the models that have one, when there is none."""
    files = {file.stem: file for file in sorted(paths.log_folder().glob("*.log"))}
    if model not in files:
        with suppress(ViewfinderError):  # a card that is known by a repository's id, perhaps
            model = open_catalog(load_settings()).card(model).name
    if model not in files:
        known = ", ".join(files)
        raise BadRequest(
            f"There is no log of '{model}'.",
            hint=f"Models with one: {known}." if known else "No engine was started here yet.",
            code="no_log",
        )
    return files[model]


def lines(
    file: Path, last: int, *, follow: bool = False, wait: Callable[[], object] | None = None
) -> Iterator[str]:
    """The last lines of a file and of the one that it was rotated from; then, with `follow`, the new ones.

    Control characters are spelled out. A file that is rotated or replaced is followed to the new one.
    `wait` returns when the file may have changed.
    """
    pending = bytearray()  # the beginning of a line whose end may be in the next file
    kept: deque[str] = deque(maxlen=last)
    rotated = file.with_name(f"{file.name}.1")
    stream = _open(file)
    earlier = None if _has_name(stream, rotated) else _open(rotated)
    try:
        for part in filter(None, (earlier, stream)):
            kept.extend(_split(part, pending))
        if pending and not follow:
            kept.append(_shown(pending))
        yield from kept
        wait = wait or partial(next, _changes(file.parent))
        while follow:
            is_current = _has_name(stream, file) or not file.exists()
            if stream is not None:
                yield from _split(stream, pending)  # if it was replaced, all that was written before
            if is_current:
                wait()
                continue
            if stream is not None:
                stream.close()
            stream = _open(file)
    finally:
        for part in filter(None, (earlier, stream)):
            part.close()


def _changes(folder: Path) -> Iterator[object]:
    """Yields when something in the folder has changed, and at the latest after LOG_CHECK_MS."""
    with suppress(OSError):  # the system's number of watches is used up, for example
        yield from watch(
            folder,
            watch_filter=None,
            recursive=False,
            debounce=LOG_GROUP_MS,
            rust_timeout=LOG_CHECK_MS,
            yield_on_timeout=True,
        )
    while True:
        time.sleep(LOG_CHECK_MS / 1000)
        yield None


def _open(file: Path) -> BinaryIO | None:
    try:
        return file.open("rb")
    except FileNotFoundError:
        return None


def _has_name(stream: BinaryIO | None, file: Path) -> bool:
    """Whether the open file is the one that has this name now."""
    with suppress(FileNotFoundError):
        return stream is not None and os.path.samestat(os.fstat(stream.fileno()), file.stat())
    return False


def _split(stream: BinaryIO, pending: bytearray) -> Iterator[str]:
    """Whole lines up to the end of the file; what is left of the last one stays in `pending`."""
    while data := stream.read(LINE_BYTES):
        pending += data
        *whole, rest = pending.split(b"\n")
        pending[:] = rest
        yield from map(_shown, whole)
        if len(pending) >= LINE_BYTES:
            yield _shown(pending)
            pending.clear()


def _shown(line: bytes | bytearray) -> str:
    """As a terminal would leave it: what a carriage return took back is not there any more."""
    text = line.decode("utf-8", "replace").rstrip("\r")
    return visible(text.rpartition("\r")[2])
