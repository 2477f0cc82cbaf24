"""What was measured, kept in one SQLite file: every run, every exchange, every result.

`runner` writes it, `api`, `guide` and the CLI read it, also while another process measures (WAL).
Exchanges are collected in memory and written between requests, never inside a timed one; with
`synchronous=NORMAL` a crash of this process loses at most the last seconds, and no earlier row.

A server process that was finished is in the file with all of its exchanges, or not at all: both are written
at once. What a process was asked that was cut short is set aside when the run goes on, and counts nowhere.
"""

import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from viewfinder.core.errors import ViewfinderError
from viewfinder.host.power import Power
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store import schema
from viewfinder.measure.store.fingerprint import Fingerprint
from viewfinder.measure.store.outcome import Found
from viewfinder.measure.store.rows import (
    ANCHOR,
    Asked,
    Request,
    Run,
    asked_of,
    insert,
    row_of_asked,
    row_of_run,
    run_of,
)

__all__ = ["Asked", "Request", "Run", "Store"]

CODE = "results_file"
"""Of every error of this room."""
FLUSH_AFTER_S = 2.0
LOCK_PATIENCE_S = 30.0

_COUNTED = "run = ? AND model = ? AND set_aside = 0"
_HINTS = {
    sqlite3.SQLITE_FULL: "Make room on its disk; then `viewfinder bench --resume` goes on.",
    sqlite3.SQLITE_BUSY: "Another program holds it; end that, then `viewfinder bench --resume` goes on.",
    sqlite3.SQLITE_READONLY: "Make it and its folder writable; then `viewfinder bench --resume` goes on.",
}
_log = logging.getLogger(__name__)


class Store:
    """The results file, made when it is not there; a context manager, used from one thread."""

    def __init__(
        self,
        file: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        lock_patience_s: float = LOCK_PATIENCE_S,
    ) -> None:
        self._file = file
        self._clock = clock
        self._waiting: list[Asked] = []
        self._is_held = False
        self._waiting_since_s = 0.0
        try:
            self._database = sqlite3.connect(file, timeout=lock_patience_s, isolation_level=None)
        except sqlite3.OperationalError as error:
            raise ViewfinderError(
                f"The results file {file} cannot be opened: {error}.",
                hint="Check its folder and permissions.",
                code=CODE,
            ) from None
        self._database.row_factory = sqlite3.Row
        try:
            self._prepare()
        except BaseException:
            self._database.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except ViewfinderError:
            if error is None:  # else that one says it already
                raise

    def close(self) -> None:
        """Write what still waits and close the file; harmless when it is closed already."""
        try:
            self.flush()
        finally:
            self._database.close()

    def begin(self, run: Run, fingerprints: Mapping[str, Fingerprint] | None = None) -> None:
        """Note a run before its first exchange, with the fingerprint of each of its models."""
        row = row_of_run(run)
        with self._transaction() as database:
            database.execute(insert("runs", row), row)
            database.executemany(
                "INSERT INTO fingerprints VALUES (?, ?, ?, ?)",
                [
                    (run.run, model, fingerprint.digest, fingerprint.model_dump_json())
                    for model, fingerprint in (fingerprints or {}).items()
                ],
            )

    def finish(self, run: str, finished_at: str) -> None:
        """Note that a run came to its end."""
        self.flush()
        with self._transaction() as database:
            database.execute("UPDATE runs SET finished_at = ? WHERE run = ?", (finished_at, run))

    def begin_turn(
        self, run: str, model: str, process: int, begun_at: str, power: Power, *, goes_on: bool = False
    ) -> int:
        """Note that a server process is about to be measured.

        What one of this number was asked before it was cut short is set aside, unless this one `goes_on`
        with it. Gives how many exchanges of this number are set aside by now.
        """
        self.flush()
        with self._transaction() as database:
            database.execute(
                "INSERT OR REPLACE INTO turns VALUES (?, ?, ?, ?, ?, NULL)",
                (run, model, process, begun_at, power.model_dump_json()),
            )
            if not goes_on:
                database.execute(
                    f"UPDATE exchanges SET set_aside = 1 WHERE {_COUNTED} AND process = ?",  # noqa: S608
                    (run, model, process),
                )
            counted = database.execute(
                "SELECT count(*) FROM exchanges "
                "WHERE run = ? AND model = ? AND process = ? AND set_aside = 1",
                (run, model, process),
            )
            return int(counted.fetchone()[0])

    def set_aside(self, run: str, model: str, process: int) -> None:
        """What a server process was asked that was cut short and will not go on counts nowhere."""
        self.flush()
        with self._transaction() as database:
            database.execute(
                f"UPDATE exchanges SET set_aside = 1 WHERE {_COUNTED} AND process = ?",  # noqa: S608
                (run, model, process),
            )

    def finish_turn(self, run: str, model: str, process: int, found: Found) -> None:
        """Note what a server process left, together with all of its exchanges."""
        with self._transaction() as database:
            self._write_waiting(database)
            database.execute(
                "UPDATE turns SET found = ? WHERE run = ? AND model = ? AND process = ?",
                (found.model_dump_json(), run, model, process),
            )
        self._waiting.clear()

    def found(self, run: str, model: str) -> dict[int, Found]:
        """What the finished server processes of a run and model left, by their numbers."""
        rows = self._database.execute(
            "SELECT process, found FROM turns WHERE run = ? AND model = ? AND found IS NOT NULL "
            "ORDER BY process",
            (run, model),
        )
        return {row["process"]: Found.model_validate_json(row["found"]) for row in rows}

    def fingerprints(self, run: str) -> dict[str, Fingerprint]:
        """What each model of a run was measured on and with."""
        rows = self._database.execute("SELECT model, fingerprint FROM fingerprints WHERE run = ?", (run,))
        return {row["model"]: Fingerprint.model_validate_json(row["fingerprint"]) for row in rows}

    def add(self, asked: Asked) -> None:
        """Keep an exchange; written at once only when the oldest waiting one is 2 s old.

        Call it between requests: that is when the disk may be used.
        """
        if not self._waiting:
            self._waiting_since_s = self._clock()
        self._waiting.append(asked)
        if not self._is_held and self._clock() - self._waiting_since_s >= FLUSH_AFTER_S:
            self.flush()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within it nothing is written by itself: requests overlap, and there is no moment between them."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False

    def flush(self) -> None:
        """Write all waiting exchanges in one transaction."""
        if not self._waiting:
            return
        with self._transaction() as database:
            self._write_waiting(database)
        self._waiting.clear()

    def add_result(self, result: ModelResult, set_aside: Collection[int] = ()) -> None:
        """Keep a model's result, with the exchanges that it rests on.

        What the processes were asked that are `set_aside` stays stored and counts nowhere.
        """
        self.flush()
        row = (result.run, result.model, result.measured_at, result.model_dump_json())
        with self._transaction() as database:
            database.execute("INSERT INTO results VALUES (NULL, ?, ?, ?, ?)", row)
            database.executemany(
                f"UPDATE exchanges SET set_aside = 1 WHERE {_COUNTED} AND process = ?",  # noqa: S608
                [(result.run, result.model, process) for process in set_aside],
            )

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        return list(map(run_of, self._database.execute("SELECT * FROM runs ORDER BY rowid")))

    def exchanges(self, run: str, model: str, process: int | None = None) -> list[Asked]:
        """Every exchange of a run with a model (or with that process of it) that counts, in their order."""
        self.flush()
        rows = self._database.execute(
            f"SELECT * FROM exchanges WHERE {_COUNTED} AND process = ifnull(?, process) "  # noqa: S608
            "ORDER BY number",
            (run, model, process),
        )
        return list(map(asked_of, rows))

    def models_of(self, run: str) -> list[str]:
        """The models that were asked anything in a run, in that order; the anchor is none."""
        rows = self._database.execute(
            "SELECT model FROM exchanges WHERE run = ? AND model <> ? GROUP BY model ORDER BY min(number)",
            (run, ANCHOR),
        )
        return [row[0] for row in rows]

    def results_of(self, run: str) -> list[ModelResult]:
        """The results that a run has so far, in the order in which they were made."""
        rows = self._database.execute("SELECT result FROM results WHERE run = ? ORDER BY number", (run,))
        return list(_readable(row[0] for row in rows))

    def history(self, model: str, variant: str) -> list[ModelResult]:
        """A variant's results, newest first; those that another version stored unreadably are left out."""
        rows = self._database.execute(
            "SELECT result FROM results WHERE model = ? AND json_extract(result, '$.variant') = ? "
            "ORDER BY number DESC",
            (model, variant),
        )
        return list(_readable(row[0] for row in rows))

    def latest(self) -> list[ModelResult]:
        """The newest result of every variant of every model, in the order of their names."""
        rows = self._database.execute(
            "SELECT result FROM results WHERE number IN "
            "(SELECT max(number) FROM results GROUP BY model, json_extract(result, '$.variant')) "
            "ORDER BY model, json_extract(result, '$.variant')"
        )
        return list(_readable(row[0] for row in rows))

    def _prepare(self) -> None:
        try:
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute("PRAGMA foreign_keys = ON")
        except sqlite3.DatabaseError as error:
            raise ViewfinderError(
                f"The results file {self._file} cannot be used: {error}.",
                hint=_HINTS.get(_kind(error), "Move it away; a new one is made."),
                code=CODE,
            ) from None
        with self._transaction() as database:
            version = schema.bring_up(database)
        if version > schema.VERSION:
            raise ViewfinderError(
                f"The results file {self._file} was written by a newer Viewfinder (format {version}).",
                hint="Upgrade Viewfinder, or move the file away.",
                code=CODE,
            )

    def _write_waiting(self, database: sqlite3.Connection) -> None:
        rows = [row_of_asked(asked) for asked in self._waiting]
        if rows:
            database.executemany(insert("exchanges", rows[0]), rows)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise ViewfinderError(
                f"The results file {self._file} cannot be written: {error}.",
                hint=_HINTS.get(
                    _kind(error), "Check the disk's space and the file, or move it away; a new one is made."
                ),
                code=CODE,
            ) from None


def _kind(error: sqlite3.Error) -> int:
    """SQLite's primary code, 0 when it gave none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _readable(stored: Iterator[str]) -> Iterator[ModelResult]:
    for text in stored:
        try:
            yield ModelResult.model_validate_json(text)
        except ValidationError:
            _log.warning("A stored result is of another version of Viewfinder; measure that model again.")
