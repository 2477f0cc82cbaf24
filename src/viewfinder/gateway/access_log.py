"""The access log: one JSON line for each request, without a word of it; made by api, fed by `request_record`.

The event loop only puts an entry into a queue: a thread writes, so that a slow disk, or a reader of standard
output that has stopped reading, holds up no request. When it cannot keep up, or the disk is full, lines are
lost and counted, and the next line that can be written says how many.
"""

import threading
import time
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

from viewfinder.core import paths
from viewfinder.host.line_file import LineFile, Lines, StandardOutput

STANDARD_OUTPUT = "-"
IN_LOG_FOLDER = "on"
GROUP_S = 0.1
"""How long lines are collected before they are written; a kill loses at most these."""
KEPT_ENTRIES = 10_000
"""That may wait to be written."""
CLOSE_S = 2.0
"""How long the last lines have to be written, at the end."""


def lines_to(place: str) -> Lines:
    if place == STANDARD_OUTPUT:
        return StandardOutput()
    return LineFile(paths.access_file() if place == IN_LOG_FOLDER else paths.expanded(place))


def access_log(place: str) -> "AccessLog | None":
    """The log that the setting asks for. Raises BadRequest when it cannot be written."""
    return AccessLog(lines_to(place)) if place else None


class AccessLog:
    """The log of one server; it starts a thread, and `close` ends it."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines
        self._waiting: deque[Mapping[str, Any]] = deque()
        self._lost = 0
        self._is_renamed = False
        self._work, self._closing = threading.Event(), threading.Event()
        # Standard output may never be read: the program must be able to end all the same.
        self._thread = threading.Thread(target=self._run, name="access log", daemon=True)
        self._thread.start()

    def add(self, entry: Mapping[str, Any]) -> None:
        """Write this soon; `at_s` is shown as `time`. It never waits."""
        if len(self._waiting) >= KEPT_ENTRIES:
            self._lost += 1
            return
        self._waiting.append(entry)
        if not self._work.is_set():
            self._work.set()

    def reopen(self) -> None:
        """From now on, write to a file of the same name: another program has renamed the one before."""
        self._is_renamed = True

    def close(self) -> None:
        self._closing.set()
        self._work.set()
        self._thread.join(CLOSE_S)

    def _run(self) -> None:
        while not self._closing.is_set():
            self._work.wait()
            self._closing.wait(GROUP_S)
            self._work.clear()
            self._write()
        self._lines.close()

    def _write(self) -> None:
        if self._is_renamed:
            self._is_renamed = False
            self._lines.reopen()
        entries = [self._waiting.popleft() for _ in range(len(self._waiting))]
        lost = self._lost
        if lost:
            entries.insert(0, {"at_s": time.time(), "lost": lost})
        if self._lines.write(b"".join(map(_line, entries))):
            self._lost -= lost
        else:
            self._lost += len(entries) - bool(lost)


def _line(entry: Mapping[str, Any]) -> bytes:
    at = datetime.fromtimestamp(entry["at_s"], UTC).isoformat(timespec="milliseconds")
    shown = {"time": at.replace("+00:00", "Z"), **{name: entry[name] for name in entry if name != "at_s"}}
    return orjson.dumps(shown, option=orjson.OPT_APPEND_NEWLINE)
