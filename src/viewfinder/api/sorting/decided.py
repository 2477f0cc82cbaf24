"""The answers of `sort`, kept in the state folder so that no picture is asked about twice; called by `run`.

A picture is known by the hash of its content, so a changed one is asked about again, and one that has moved
is not. No name and no picture is kept. The answers to a table are those to the sorting that follows it.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from viewfinder.core import paths
from viewfinder.core.errors import ViewfinderError

SORTED_FILE = "sorted_file"
"""The code of the error where answers cannot be kept."""
_PATIENCE_S = 30.0
_KEY_BYTES = 16
_SCHEMA = """
CREATE TABLE IF NOT EXISTS answers (
    task BLOB NOT NULL, picture BLOB NOT NULL, told TEXT NOT NULL, PRIMARY KEY (task, picture)
) WITHOUT ROWID
"""


@dataclass(frozen=True, slots=True)
class KeptDecision:
    """What is kept of a decision; as in `Decision`."""

    answer: str
    raw: float
    calibrated: float | None
    not_calibrated: str | None
    mass: float


def task_key(*parts: object) -> bytes:
    """One for each model, variant and question with its answers."""
    return hashlib.sha256(json.dumps(parts).encode()).digest()[:_KEY_BYTES]


class KeptDecisions:
    """The answers to one task; a context manager, used from one thread."""

    def __init__(self, database: sqlite3.Connection, file: Path, task: bytes) -> None:
        self._database, self._file, self._task = database, file, task

    @classmethod
    def open(cls, task: bytes) -> Self:
        """Raises ViewfinderError where the file cannot be used."""
        file = paths.sorted_file()
        with _explained(file):
            paths.private(file.parent)
            os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
            database = sqlite3.connect(file, timeout=_PATIENCE_S, isolation_level=None)
            try:
                for pragma in ("journal_mode = WAL", "synchronous = NORMAL"):
                    database.execute(f"PRAGMA {pragma}")
                database.execute(_SCHEMA)
            except BaseException:
                database.close()
                raise
        return cls(database, file, task)

    def get(self, picture: bytes) -> KeptDecision | None:
        """By the hash of the picture."""
        with _explained(self._file):
            row = self._database.execute(
                "SELECT told FROM answers WHERE task = ? AND picture = ?", (self._task, picture)
            ).fetchone()
        return None if row is None else KeptDecision(**json.loads(row[0]))

    def add(self, picture: bytes, decision: KeptDecision) -> None:
        """It is kept when this returns, whatever happens to this process."""
        with _explained(self._file):
            self._database.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?)",
                (self._task, picture, json.dumps(asdict(decision))),
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()


@contextmanager
def _explained(file: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        is_full = getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
        hint = "Free space on its disk." if is_full else "Without that file, all pictures are asked again."
        raise ViewfinderError(
            f"The answers cannot be kept in {file}: {error}.", hint=hint, code=SORTED_FILE
        ) from None
