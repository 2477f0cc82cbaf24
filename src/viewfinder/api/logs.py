"""What engines and the fleet wrote to their files, also while nothing runs; called by `logs` and `events`."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from viewfinder.api.places import open_catalog
from viewfinder.core import paths
from viewfinder.core.config import load_settings
from viewfinder.core.errors import BadRequest, ViewfinderError
from viewfinder.host.output import visible

LINE_BYTES = 64 * 1024
"""A line that is longer is shown in pieces."""
POLL_S = 0.2


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
    file: Path, last: int, *, follow: bool = False, wait: Callable[[float], object] = time.sleep
) -> Iterator[str]:
    """The last lines of a file and of the one that it was rotated from; then, with `follow`, the new ones.

    Control characters are spelled out. A file that is rotated or replaced is followed to the new one.
    """
    stream = _open(file)
    earlier = _open(file.with_name(f"{file.name}.1"))
    try:
        kept: deque[str] = deque(maxlen=last)
        pending = bytearray()  # of a line that has no end yet; it may go on in the next file
        if earlier is not None and not _is_same(earlier, stream):
            kept.extend(_split(earlier, pending))
        if stream is not None:
            kept.extend(_split(stream, pending))
        if pending and not follow:
            kept.append(_shown(pending))
        yield from kept
        while follow:
            if stream is not None:
                yield from _split(stream, pending)
            fresh = _open(file)
            if fresh is None or _is_same(fresh, stream):
                if fresh is not None:
                    fresh.close()
                wait(POLL_S)
                continue
            if stream is not None:
                yield from _split(stream, pending)  # what came before the change
                stream.close()
            stream = fresh
    finally:
        for one in (stream, earlier):
            if one is not None:
                one.close()


def _open(file: Path) -> BinaryIO | None:
    try:
        return file.open("rb")
    except FileNotFoundError:
        return None


def _is_same(one: BinaryIO, other: BinaryIO | None) -> bool:
    return other is not None and os.path.samestat(os.fstat(one.fileno()), os.fstat(other.fileno()))


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
