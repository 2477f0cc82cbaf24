"""The pairs that were measured, one JSON line each, so that a search that was stopped continues where it was.

A line holds for the same files, engine, machine, settings and questions only (`digest`). Called by `api`.
"""

import json
import logging
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from viewfinder.core.paths import private
from viewfinder.measure.tuning.candidate import Candidate, ProcessPair

_log = logging.getLogger(__name__)
MOST_JOURNAL_BYTES = 64 * 1024 * 1024
"""A larger file is not read."""
_Key = tuple[str, str, int, int]


class Journal:
    """The pairs of one model. Lines of another `digest` are ignored, and go when the file is written next."""

    def __init__(self, file: Path, digest: str) -> None:
        self._file, self._digest = file, digest
        self._known: dict[_Key, ProcessPair] = {}
        self._is_cut = False
        """Whether the file ends within a line: a kill came while it was written."""
        self._is_ours = self._read()

    @property
    def known(self) -> int:
        """The number of pairs from an earlier search."""
        return len(self._known)

    def get(self, one: Candidate, other: Candidate, nth: int, questions: int) -> ProcessPair | None:
        return self._known.get((one.key, other.key, nth, questions))

    def add(self, one: Candidate, other: Candidate, questions: int, pair: ProcessPair) -> None:
        """Write it at once: whatever stops the search, it is kept. Raises OSError."""
        key = (one.key, other.key, pair.nth, questions)
        line = json.dumps({"digest": self._digest, "key": key, "pair": pair.model_dump(mode="json")})
        private(self._file.parent)
        with self._file.open("a" if self._is_ours else "w", encoding="utf-8") as opened:
            opened.write(f"\n{line}\n" if self._is_cut else f"{line}\n")
        self._is_ours, self._is_cut, self._known[key] = True, False, pair

    def flush(self) -> None:
        """Everything is written already."""

    def _read(self) -> bool:
        """Whether the file is of this digest; a line that was cut is left out."""
        try:
            if self._file.stat().st_size > MOST_JOURNAL_BYTES:
                return False
            text = self._file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return False
        self._is_cut = not text.endswith("\n")
        for line in text.split("\n"):
            found = _parsed(line)
            if found is None:
                continue
            if found.get("digest") != self._digest:
                self._known.clear()
                return False
            try:
                one, other, nth, questions = found["key"]
                self._known[str(one), str(other), int(nth), int(questions)] = ProcessPair.model_validate(
                    found["pair"]
                )
            except (KeyError, TypeError, ValueError, ValidationError):
                continue
        return bool(self._known)


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
