"""The log files of engines and of the fleet, also while nothing runs; called by `logs` and `events`."""

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
"""Longer lines are shown in pieces."""
LOG_GROUP_MS = 200
"""How often new lines of a busy engine are shown."""
LOG_CHECK_MS = 1000
"""How often the file is read where the system reports no changes (network mounts)."""


def log_file(model: str) -> Path:
    """The log file of a model's engine. Raises BadRequest when there is none, naming the models with one."""
    files = {file.stem: file for file in sorted(paths.log_folder().glob("*.log"))}
    if model not in files:
        with suppress(ViewfinderError):  # the name may be the id of a card's repository
            model = open_catalog(load_settings()).card(model).name
    if model not in files:
        known = ", ".join(files)
        raise BadRequest(
            f"There is no log of '{model}'.",
            hint=f"Models with a log: {known}." if known else "No engine was started here yet.",
            code="no_log",
        )
    return files[model]


def lines(
    file: Path, last: int, *, follow: bool = False, wait: Callable[[], object] | None = None
) -> Iterator[str]:
    """The last lines of a log and of its rotated file; then, with `follow`, the new ones.

    Control characters are spelled out. When the file is rotated or replaced, the new one is followed.
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
                yield from _split(stream, pending)  # of a file that was replaced, all that was written before
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
    """Yields when something in the folder has changed, and after LOG_CHECK_MS at the latest."""
    with suppress(OSError):  # the system has no watches left, for example
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
    """The complete lines up to the end of the file; the beginning of an incomplete one stays in `pending`."""
    while data := stream.read(LINE_BYTES):
        pending += data
        *whole, rest = pending.split(b"\n")
        pending[:] = rest
        yield from map(_shown, whole)
        if len(pending) >= LINE_BYTES:
            yield _shown(pending)
            pending.clear()


def _shown(line: bytes | bytearray) -> str:
    """The line as a terminal would show it: text before a carriage return is overwritten."""
    text = line.decode("utf-8", "replace").rstrip("\r")
    return visible(text.rpartition("\r")[2])
