"""A small JSON file of what was learned on this computer and can be learned again.

Written by `fleet` (profiles, canaries) and `catalog` (hashes of files). Losing it costs only time, so a
corrupt file or a full disk is a warning and never an error.
"""

import logging
import os
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

_log = logging.getLogger(__name__)


class Notebook:
    """The notes of one file; callable from any thread. Those of other processes appear at the next `put`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._notes = self._read()

    def get(self, key: str) -> Any | None:
        """The JSON value of a key, None when there is none."""
        with self._lock:
            return self._notes.get(key)

    def all(self) -> dict[str, Any]:
        """Every key with its JSON value."""
        with self._lock:
            return dict(self._notes)

    def put(self, key: str, value: Any) -> None:
        """Store a JSON value under a key. A reader never sees half a file."""
        draft = self._file.with_suffix(f".{os.getpid()}.new")
        with self._lock:
            self._notes |= self._read() | {key: value}
            try:
                self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                draft.write_bytes(orjson.dumps(self._notes, option=orjson.OPT_INDENT_2))
                draft.replace(self._file)
            except OSError as error:
                _log.warning(
                    "Could not write %s, so its content will be worked out again: %s", self._file, error
                )
                with suppress(OSError):
                    draft.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        try:
            notes = orjson.loads(self._file.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            _log.warning("Could not read %s, so its content will be worked out again: %s", self._file, error)
            return {}
        return notes if isinstance(notes, dict) else {}
