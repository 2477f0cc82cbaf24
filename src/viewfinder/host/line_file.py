"""A private file of lines that several days of requests may be written to; used by the gateway's access log.

What is written there may fail at any time, and be possible again: a full disk is no reason to stop.
"""

import logging
import os
import stat
from pathlib import Path
from typing import Protocol

from viewfinder.core.errors import BadRequest
from viewfinder.core.seldom import Seldom

LINES_BYTES = 100_000_000
"""A full file is renamed to `<name>.1` and replaces the one before, so the log takes at most twice this."""

_log = logging.getLogger(__name__)
_log.addFilter(Seldom())


class Lines(Protocol):
    """Where lines can be written; used by one thread."""

    def write(self, data: bytes) -> bool:
        """Whether all of it was written; it never raises."""

    def reopen(self) -> None:
        """Open the file of this name again, because the one before was renamed."""

    def close(self) -> None: ...


class LineFile:
    """A file that only its owner can read. Raises BadRequest when it cannot be written from the start."""

    def __init__(self, file: Path, *, file_bytes: int = LINES_BYTES) -> None:
        self.file = file
        self._file_bytes = file_bytes
        self._written_bytes = 0
        self._is_cut = False
        """Whether the file ends within a line, which the next write ends first."""
        self._opened: int | None = None
        try:
            self._open()
        except OSError as error:
            raise _unwritable(file, error.strerror or str(error)) from None

    def write(self, data: bytes) -> bool:
        try:
            opened = self._open() if self._opened is None else self._opened
            if self._written_bytes and self._written_bytes + len(data) > self._file_bytes:
                opened = self._rotate()
            self._append(opened, data)
        except (OSError, BadRequest) as error:
            _log.warning("Lines of %s are lost: %s", self.file, error)
            self.close()  # the next write tries again
            return False
        return True

    def reopen(self) -> None:
        self.close()

    def close(self) -> None:
        if self._opened is not None:
            os.close(self._opened)
            self._opened = None

    def _append(self, opened: int, data: bytes) -> None:
        rest = b"\n" + data if self._is_cut else data
        while rest:
            written = os.write(opened, rest)  # on a disk that is getting full, a part of it
            self._written_bytes += written
            self._is_cut = rest[written - 1 : written] != b"\n"
            rest = rest[written:]

    def _open(self) -> int:
        """O_NONBLOCK: a pipe that nobody reads would make us wait for ever."""
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NONBLOCK | os.O_CLOEXEC
        opened = os.open(self.file, flags, 0o600)
        seen = os.fstat(opened)
        if not stat.S_ISREG(seen.st_mode):
            os.close(opened)
            raise _unwritable(self.file, "it is no file")
        self._opened, self._written_bytes = opened, seen.st_size
        self._is_cut = bool(seen.st_size) and os.pread(opened, 1, seen.st_size - 1) != b"\n"
        return opened

    def _rotate(self) -> int:
        self.close()
        self.file.replace(self.file.with_name(self.file.name + ".1"))
        return self._open()


class StandardOutput:
    """The lines go to standard output, without the buffer that the rest of the program shares: a reader that
    stops reading holds up only the thread that writes here."""

    def write(self, data: bytes) -> bool:
        rest = data
        try:
            while rest:
                rest = rest[os.write(1, rest) :]
        except OSError as error:
            _log.warning("Lines of the access log are lost: standard output: %s", error.strerror)
            return False
        return True

    def reopen(self) -> None:
        """It has no name."""

    def close(self) -> None:
        """It is not ours to close."""


def _unwritable(file: Path, why: str) -> BadRequest:
    return BadRequest(
        f"The access log cannot be written to {file}: {why}.",
        hint="Name a file in a folder that exists, or - for standard output.",
        param="access_log",
        code="log_unwritable",
    )
