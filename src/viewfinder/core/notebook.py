"""What was learned on this computer and may be learned again: a small JSON file of keys and values.

Filled by `fleet` (profiles, canaries) and `catalog` (hashes of files). Losing it costs time and nothing else,
so a file that is corrupt, or a full disk, is a warning and never an error.
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
    """The notes of one file; callable from any thread. Others' notes are seen at the next `put`."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._notes = self._read()

    def get(self, key: str) -> Any | None:
        """What was put under a key, in JSON's types; None: nothing."""
        with self._lock:
            return self._notes.get(key)

    def put(self, key: str, value: Any) -> None:
        """Remember JSON under a key, and write it down. A reader never meets half a file."""
        draft = self._file.with_suffix(f".{os.getpid()}.new")
        with self._lock:
            self._notes |= self._read() | {key: value}
            try:
                self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                draft.write_bytes(orjson.dumps(self._notes, option=orjson.OPT_INDENT_2))
                draft.replace(self._file)
            except OSError as error:
                _log.warning("%s could not be written, so it will be learned again: %s", self._file, error)
                with suppress(OSError):
                    draft.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        try:
            notes = orjson.loads(self._file.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            _log.warning("%s cannot be read, so it will be learned again: %s", self._file, error)
            return {}
        return notes if isinstance(notes, dict) else {}
