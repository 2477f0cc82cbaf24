"""The output of an engine: a bounded tail in memory and a bounded file on disk.

Written by `host/child` as it reads the engine's pipe; read for error messages and by `logs`. The fleet's
events go the same way.
"""

import logging
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

TAIL_BYTES = 64 * 1024
FILE_BYTES = 10_000_000
"""A full file is renamed to `<name>.1` and replaces the one before, so an engine takes at most twice this."""

KEPT_LINE_BYTES = 16 * 1024
LEFT_OUT = b"(left out: lines that may repeat a request)\n"


class Output:
    """The output of one engine; when the disk fails, only the file is lost, never the engine."""

    def __init__(self, file: Path, *, file_bytes: int = FILE_BYTES) -> None:
        self.file = file
        self.last_s = time.monotonic()
        """When the engine last printed something, on the monotonic clock; at first, when it started."""
        self.total_bytes = 0
        self._tail = bytearray()
        self._kept: Callable[[str], str] | None = None
        self._rest = b""
        """The beginning of a line, while lines are filtered."""
        self._is_left_out = False
        self._file_bytes = file_bytes
        self._written_bytes = 0
        self._stream: BinaryIO | None = None
        try:
            self._open()
        except OSError as error:
            self._lose(error)

    def feed(self, data: bytes) -> None:
        self.last_s = time.monotonic()
        self.total_bytes += len(data)
        self._store(data if self._kept is None else self._filtered(data))

    @property
    def is_filtered(self) -> bool:
        """Whether only a part of its lines is kept, as while an engine serves."""
        return self._kept is not None

    def keep_only(self, kept: Callable[[str], str]) -> None:
        """From now on, keep of each line only what `kept` returns; lines of which that is nothing are left
        out, with one line in place of all that follow each other."""
        self._kept = kept

    def _filtered(self, data: bytes) -> bytes:
        *lines, rest = (self._rest + data).split(b"\n")
        self._rest = rest[:KEPT_LINE_BYTES]  # of an endless line, only the beginning can be kept
        return b"".join(map(self._of_line, lines))

    def _of_line(self, line: bytes) -> bytes:
        kept = self._kept(line.decode("utf-8", errors="replace").rstrip("\r")) if self._kept else ""
        was_left_out, self._is_left_out = self._is_left_out, not kept
        if not kept:
            return b"" if was_left_out else LEFT_OUT
        return kept.encode("utf-8", errors="replace") + b"\n"

    def _store(self, data: bytes) -> None:
        self._tail += data
        del self._tail[:-TAIL_BYTES]
        if self._stream is not None and data:
            try:
                if self._written_bytes + len(data) > self._file_bytes:
                    self._rotate()
                self._stream.write(data)
                self._written_bytes += len(data)
            except OSError as error:
                self._lose(error)

    def tail(self, lines: int) -> str:
        """The last lines, at most 64 KiB; bytes that are not UTF-8 are shown as U+FFFD."""
        text = self._tail.decode("utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def close(self) -> None:
        if self._rest:  # it ended within a line
            rest, self._rest = self._rest, b""
            self._store(self._of_line(rest))
        self._close_file()

    def _close_file(self) -> None:
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _open(self) -> None:
        self._stream = self.file.open("ab", buffering=0)  # unbuffered: a reader sees every line at once
        self._written_bytes = self.file.stat().st_size

    def _rotate(self) -> None:
        self._close_file()
        self.file.replace(self.file.with_name(self.file.name + ".1"))
        self._open()

    def _lose(self, error: OSError) -> None:
        self._close_file()
        logging.getLogger(__name__).warning("Nothing more is written to the log %s: %s", self.file, error)


def visible(line: str) -> str:
    """The line with its control characters escaped: a model's output must not control the terminal."""
    return "".join(
        mark if mark == "\t" or unicodedata.category(mark)[0] != "C" else ascii(mark)[1:-1] for mark in line
    )
