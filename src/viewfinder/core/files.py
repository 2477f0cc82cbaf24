"""Reads a file that a person or a variable named: only a regular file, and never more of it than a limit.

Called by `core/settings_files` and by `api` for images. A device has no end, and a named pipe makes the one
who opens it wait for ever: both are refused by their kind, unopened.
"""

import os
import stat
from pathlib import Path

from viewfinder.core.errors import BadRequest

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read_file(file: Path, most_bytes: int, *, hint: str = "") -> bytes:
    """The content of a regular file. Raises BadRequest: not_a_file, file_too_large, file_unreadable."""
    try:
        require_file(file, most_bytes, hint=hint)
        # What has the name now may be another file: one that would make us wait, or that grows as it is read.
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as opened:
            _require_kind(file, os.fstat(opened.fileno()), hint)
            content = opened.read(most_bytes + 1)
    except (OSError, ValueError) as error:  # ValueError: a name with a null
        raise _unreadable(file, error, hint) from None
    if len(content) > most_bytes:
        raise _too_large(file, most_bytes, hint)
    return content


def require_file(file: Path, most_bytes: int, *, hint: str = "") -> None:
    """Check kind and size without opening it; raises BadRequest as `read_file` does."""
    try:
        seen = file.stat()
    except (OSError, ValueError) as error:
        raise _unreadable(file, error, hint) from None
    _require_kind(file, seen, hint)
    if seen.st_size > most_bytes:
        raise _too_large(file, most_bytes, hint)


def _require_kind(file: Path, seen: os.stat_result, hint: str) -> None:
    if not stat.S_ISREG(seen.st_mode):
        kind = next((name for is_kind, name in _KINDS if is_kind(seen.st_mode)), "something else")
        raise BadRequest(f"{file} is {kind}, not a file.", hint=hint, code="not_a_file")


def _unreadable(file: Path, error: Exception, hint: str) -> BadRequest:
    why = error.strerror if isinstance(error, OSError) else str(error)
    return BadRequest(f"{file} cannot be read: {why}.", hint=hint, code="file_unreadable")


def _too_large(file: Path, most_bytes: int, hint: str) -> BadRequest:
    size = f"{most_bytes // 2**20} MiB" if most_bytes >= 2**20 else f"{most_bytes:,} bytes"
    return BadRequest(f"{file} is larger than {size}.", hint=hint, code="file_too_large")
