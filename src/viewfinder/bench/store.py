"""What was measured, kept in one SQLite file: every run, every exchange, every result.

`runner` writes it, `api`, `guide` and the CLI read it, also while another process measures (WAL).
Exchanges are collected in memory and written between requests, never inside a timed one; with
`synchronous=NORMAL` a crash of this process loses at most the last seconds, and no earlier row.
"""

import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from pydantic import ValidationError

from viewfinder.bench.results import ModelResult
from viewfinder.client.exchange import Exchange
from viewfinder.core.errors import ViewfinderError
from viewfinder.host.hardware import Machine

VERSION = 1
CODE = "results_file"
"""Of every error of this room."""
FLUSH_AFTER_S = 2.0

_TABLES = """
CREATE TABLE runs (
    run TEXT PRIMARY KEY,
    suite TEXT NOT NULL,
    started_at TEXT NOT NULL,
    finished_at TEXT,                -- NULL: it still runs, or was interrupted
    machine TEXT NOT NULL            -- Machine as JSON
) STRICT;
CREATE TABLE exchanges (
    number INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (run),
    model TEXT NOT NULL,
    process INTEGER NOT NULL,        -- which server process of the run and model; 0 answered the gates
    scenario TEXT NOT NULL,          -- load, warm-up, images, texts, vision, text, follow-up
    question TEXT NOT NULL,
    scene TEXT NOT NULL,             -- seed of the image sent with the conversation; empty: none
    expected TEXT NOT NULL,          -- empty: the answer is not graded
    is_right INTEGER,                -- NULL: the answer is not graded
    text TEXT NOT NULL,
    error TEXT NOT NULL,
    ttft_s REAL,
    e2e_s REAL NOT NULL,
    prompt_tokens INTEGER,
    completion_tokens INTEGER,
    stamps TEXT NOT NULL             -- the whole Exchange as JSON, but for its text
) STRICT;
CREATE INDEX exchanges_of_a_model ON exchanges (run, model);
CREATE TABLE results (
    number INTEGER PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (run),
    model TEXT NOT NULL,
    measured_at TEXT NOT NULL,
    result TEXT NOT NULL             -- ModelResult as JSON
) STRICT;
CREATE INDEX results_of_a_model ON results (model, number);
"""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asked:
    """One exchange and what it was for; `right` is None when the answer was not graded."""

    run: str
    model: str
    process: int
    scenario: str
    question: str
    exchange: Exchange
    scene: str = ""
    expected: str = ""
    right: bool | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """One invocation of bench; `finished_at` is empty when it was interrupted or still runs."""

    run: str
    suite: str
    started_at: str
    finished_at: str
    machine: Machine


class Store:
    """The results file, made when it is not there; a context manager, used from one thread."""

    def __init__(self, file: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._clock = clock
        self._waiting: list[Asked] = []
        self._waiting_since_s = 0.0
        try:
            self._database = sqlite3.connect(file, timeout=30.0, isolation_level=None)
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
        self.close()

    def close(self) -> None:
        """Write what still waits and close the file; harmless when it is closed already."""
        try:
            self.flush()
        finally:
            self._database.close()

    def begin(self, run: Run) -> None:
        """Note a run before its first exchange."""
        row = (run.run, run.suite, run.started_at, None, run.machine.model_dump_json())
        with self._transaction() as database:
            database.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?)", row)

    def finish(self, run: str, finished_at: str) -> None:
        """Note that a run came to its end."""
        self.flush()
        with self._transaction() as database:
            database.execute("UPDATE runs SET finished_at = ? WHERE run = ?", (finished_at, run))

    def add(self, asked: Asked) -> None:
        """Keep an exchange; written at once only when the oldest waiting one is 2 s old.

        Call it between requests: that is when the disk may be used.
        """
        if not self._waiting:
            self._waiting_since_s = self._clock()
        self._waiting.append(asked)
        if self._clock() - self._waiting_since_s >= FLUSH_AFTER_S:
            self.flush()

    def flush(self) -> None:
        """Write all waiting exchanges in one transaction."""
        if not self._waiting:
            return
        with self._transaction() as database:
            marks = ", ".join("?" * 16)
            database.executemany(f"INSERT INTO exchanges VALUES ({marks})", map(_row, self._waiting))  # noqa: S608
        self._waiting.clear()

    def add_result(self, result: ModelResult) -> None:
        """Keep a model's result, with the exchanges that it rests on."""
        self.flush()
        row = (result.run, result.model, result.measured_at, result.model_dump_json())
        with self._transaction() as database:
            database.execute("INSERT INTO results VALUES (NULL, ?, ?, ?, ?)", row)

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        rows = self._database.execute("SELECT * FROM runs ORDER BY rowid")
        return [
            Run(
                run=row["run"],
                suite=row["suite"],
                started_at=row["started_at"],
                finished_at=row["finished_at"] or "",
                machine=Machine.model_validate_json(row["machine"]),
            )
            for row in rows
        ]

    def exchanges(self, run: str, model: str) -> list[Asked]:
        """Every exchange of a run with a model, in the order in which they were made."""
        self.flush()
        rows = self._database.execute(
            "SELECT * FROM exchanges WHERE run = ? AND model = ? ORDER BY number", (run, model)
        )
        return [_asked(row) for row in rows]

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
                hint="Move it away; a new one is made.",
                code=CODE,
            ) from None
        with self._transaction() as database:
            version = database.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in _TABLES.split(";\n"):
                    database.execute(statement)
                database.execute(f"PRAGMA user_version = {VERSION}")
        if version > VERSION:
            raise ViewfinderError(
                f"The results file {self._file} was written by a newer Viewfinder (format {version}).",
                hint="Upgrade Viewfinder, or move the file away.",
                code=CODE,
            )

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
                hint="Check the disk's space and the file, or move it away; a new one is made.",
                code=CODE,
            ) from None


def _row(asked: Asked) -> tuple[object, ...]:
    exchange = asked.exchange
    stamps = asdict(exchange)
    del stamps["text"]
    return (
        None,
        asked.run,
        asked.model,
        asked.process,
        asked.scenario,
        asked.question,
        asked.scene,
        asked.expected,
        asked.right,
        exchange.text,
        exchange.error,
        exchange.ttft_s,
        exchange.e2e_s,
        exchange.prompt_tokens,
        exchange.completion_tokens,
        json.dumps(stamps),
    )


def _asked(row: sqlite3.Row) -> Asked:
    fields = json.loads(row["stamps"])
    times_s = tuple(fields.pop("token_times_s"))
    return Asked(
        run=row["run"],
        model=row["model"],
        process=row["process"],
        scenario=row["scenario"],
        question=row["question"],
        exchange=Exchange(**fields, token_times_s=times_s, text=row["text"]),
        scene=row["scene"],
        expected=row["expected"],
        right=None if row["is_right"] is None else bool(row["is_right"]),
    )


def _readable(stored: Iterator[str]) -> Iterator[ModelResult]:
    for text in stored:
        try:
            yield ModelResult.model_validate_json(text)
        except ValidationError:
            _log.warning("A stored result is of another version of Viewfinder; measure that model again.")
