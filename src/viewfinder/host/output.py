"""The output of an engine: a bounded tail in memory and a bounded file on disk.

Written by `host/child` as it reads the engine's pipe; read for error messages and by `logs`. The fleet's
events go the same way.
"""

import logging
import time
import unicodedata
from pathlib import Path
from typing import BinaryIO

TAIL_BYTES = 64 * 1024
FILE_BYTES = 10_000_000
"""A full file is renamed to `<name>.1` and replaces the one before, so an engine takes at most twice this."""


class Output:
    """The output of one engine; when the disk fails, only the file is lost, never the engine."""

    def __init__(self, file: Path, *, file_bytes: int = FILE_BYTES) -> None:
        self.file = file
        self.last_s = time.monotonic()
        """When the engine last printed something, on the monotonic clock; at first, when it started."""
        self.total_bytes = 0
        self._tail = bytearray()
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
        self._tail += data
        del self._tail[:-TAIL_BYTES]
        if self._stream is not None:
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
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def _open(self) -> None:
        self._stream = self.file.open("ab", buffering=0)  # unbuffered: a reader sees every line at once
        self._written_bytes = self.file.stat().st_size

    def _rotate(self) -> None:
        self.close()
        self.file.replace(self.file.with_name(self.file.name + ".1"))
        self._open()

    def _lose(self, error: OSError) -> None:
        self.close()
        logging.getLogger(__name__).warning("Nothing more is written to the log %s: %s", self.file, error)


def visible(line: str) -> str:
    """The line with its control characters escaped: a model's output must not control the terminal."""
    return "".join(
        mark if mark == "\t" or unicodedata.category(mark)[0] != "C" else ascii(mark)[1:-1] for mark in line
    )
