"""The results file, in SQLite: every run, every sample, every result.

`runner` writes it; `api`, the report and the CLI read it, also while another process measures (WAL).
Samples are collected in memory and written between requests, never inside a timed one; with
`synchronous=NORMAL` a crash of this process loses at most the last seconds, and no earlier row.

Every transaction begins with the samples that are still in memory, so a finished server process is in the
file with all of its samples, or not at all. The samples of a process that was cut short are set aside when
the run is resumed, and count in no figure. Results are text here (see `measure/results`): a file can be read
whatever measures are installed.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Self

from viewfinder.core.errors import ViewfinderError
from viewfinder.measure.store import schema
from viewfinder.measure.store.fingerprint import Fingerprint
from viewfinder.measure.store.rows import (
    ANCHOR,
    ProcessOutcome,
    Run,
    Sample,
    insert,
    row_of_run,
    row_of_sample,
    run_of,
    sample_of,
)

ERROR_CODE = "results_file"
FLUSH_AFTER_S = 2.0
LOCK_PATIENCE_S = 30.0

_COUNTED = "run = ? AND model = ? AND set_aside = 0"
_SET_ASIDE = f"UPDATE exchanges SET set_aside = 1 WHERE {_COUNTED} AND process = ?"  # noqa: S608
_WAS_ASKED = (
    "NOT (json_extract(result, '$.status') = 'failed' AND json_extract(result, '$.engine_version') = ''"
    " AND ifnull(json_extract(result, '$.fingerprint'), '') = '')"
)
"""Older versions stored a result of a model that could not be asked (no files, no engine): it counts as not
measured."""
_HINTS = {
    sqlite3.SQLITE_FULL: "Free space on its disk, then run: viewfinder bench --resume",
    sqlite3.SQLITE_BUSY: "Another program has it locked. Close that one, then run: viewfinder bench --resume",
    sqlite3.SQLITE_READONLY: "Make it and its folder writable, then run: viewfinder bench --resume",
}


class StoredResult(NamedTuple):
    """One result as its row has it; `text` is JSON."""

    run: str
    model: str
    text: str


class StoredModel(NamedTuple):
    """One model of one run. `status` is "interrupted" until it has a result; its `samples` take about
    `size_bytes` in the file."""

    run: str
    model: str
    variant: str | None
    suite: str
    started_at: str
    status: str
    samples: int
    size_bytes: int


class Store:
    """The results file, created if it does not exist; a context manager, used from one thread.

    `for_reading` creates none, and reads one on a disk that is read-only, too.
    """

    def __init__(
        self,
        file: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        lock_patience_s: float = LOCK_PATIENCE_S,
        for_reading: bool = False,
    ) -> None:
        self._file = file
        self._clock = clock
        self._waiting: list[Sample] = []
        self._is_held = False
        self._waiting_since_s = 0.0
        place, self._is_read_only = _place_to_open(file) if for_reading else (str(file), False)
        try:
            self._database = sqlite3.connect(
                place, timeout=lock_patience_s, isolation_level=None, uri=self._is_read_only
            )
        except sqlite3.OperationalError as error:
            raise self._problem("opened", error, "Check its folder and permissions.") from None
        self._database.row_factory = sqlite3.Row
        try:
            self._prepare()
        except BaseException:
            self._database.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        try:
            self.close()
        except ViewfinderError:
            if kind is None:  # else the error of the block is the one to show
                raise

    def close(self) -> None:
        """Write what is still in memory and close the file; harmless when it is closed already."""
        try:
            self.flush()
        finally:
            self._database.close()

    def begin(self, run: Run, fingerprints: Mapping[str, Fingerprint] | None = None) -> None:
        """Note a run before its first sample, with the fingerprint of each of its models."""
        row = row_of_run(run)
        with self._transaction() as database:
            database.execute(insert("runs", row), row)
            database.executemany(
                "INSERT INTO fingerprints VALUES (?, ?, ?)",
                [
                    (run.run, model, fingerprint.model_dump_json())
                    for model, fingerprint in (fingerprints or {}).items()
                ],
            )

    def finish(self, run: str, finished_at: str) -> None:
        """Note that a run is finished."""
        with self._transaction() as database:
            database.execute("UPDATE runs SET finished_at = ? WHERE run = ?", (finished_at, run))

    def begin_process(self, run: str, model: str, process: int, *, resumable: bool = False) -> int:
        """Note that a server process is about to be measured.

        Samples of an earlier process of this number, which was cut short, are set aside unless the measure is
        `resumable`. Returns the number of samples of this process that are now set aside.
        """
        with self._transaction() as database:
            one = (run, model, process)
            database.execute("INSERT OR REPLACE INTO processes VALUES (?, ?, ?, NULL)", one)
            if not resumable:
                database.execute(_SET_ASIDE, one)
            counted = database.execute(
                "SELECT count(*) FROM exchanges "
                "WHERE run = ? AND model = ? AND process = ? AND set_aside = 1",
                one,
            )
            return int(counted.fetchone()[0])

    def set_aside(self, run: str, model: str, process: int) -> None:
        """Count none of the samples of a process that was cut short and cannot be resumed."""
        with self._transaction() as database:
            database.execute(_SET_ASIDE, (run, model, process))

    def finish_process(self, run: str, model: str, process: int, outcome: ProcessOutcome) -> None:
        """Note a server process's outcome, together with all of its samples."""
        with self._transaction() as database:
            database.execute(
                "UPDATE processes SET outcome = ? WHERE run = ? AND model = ? AND process = ?",
                (outcome.model_dump_json(), run, model, process),
            )

    def outcomes(self, run: str, model: str) -> dict[int, ProcessOutcome]:
        """The outcomes of a run's finished server processes of a model, by their numbers."""
        rows = self._database.execute(
            "SELECT process, outcome FROM processes WHERE run = ? AND model = ? AND outcome IS NOT NULL "
            "ORDER BY process",
            (run, model),
        )
        return {row["process"]: ProcessOutcome.model_validate_json(row["outcome"]) for row in rows}

    def fingerprints(self, run: str) -> dict[str, Fingerprint]:
        """The fingerprint of each model of a run."""
        rows = self._database.execute("SELECT model, fingerprint FROM fingerprints WHERE run = ?", (run,))
        return {row["model"]: Fingerprint.model_validate_json(row["fingerprint"]) for row in rows}

    def add(self, sample: Sample) -> None:
        """Keep a sample; all are written when the oldest in memory is 2 s old.

        Call it between requests: only then may the disk be used.
        """
        if not self._waiting:
            self._waiting_since_s = self._clock()
        self._waiting.append(sample)
        if not self._is_held and self._clock() - self._waiting_since_s >= FLUSH_AFTER_S:
            self.flush()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Write nothing within the block, because its requests overlap."""
        self._is_held = True
        try:
            yield
        finally:
            self._is_held = False

    def flush(self) -> None:
        """Write all samples that are still in memory, in one transaction."""
        if self._waiting:
            with self._transaction():
                pass

    def add_result(self, run: str, model: str, result: str, set_aside: Collection[int] = ()) -> None:
        """Keep a model's result (JSON); samples of the processes that are `set_aside` count in no figure."""
        with self._transaction() as database:
            database.execute("INSERT INTO results VALUES (NULL, ?, ?, ?)", (run, model, result))
            database.executemany(_SET_ASIDE, [(run, model, process) for process in set_aside])

    def remove(self, run: str, model: str = "") -> None:
        """Remove a run, or one model of it, with every sample."""
        with self._transaction() as database:
            for table in ("exchanges", "results", "processes", "fingerprints"):
                database.execute(f"DELETE FROM {table} WHERE run = ? AND ? IN ('', model)", (run, model))  # noqa: S608
            left = database.execute("SELECT 1 FROM results WHERE run = ?", (run,)).fetchone()
            if not left:
                for table in ("exchanges", "processes", "fingerprints", "runs"):
                    database.execute(f"DELETE FROM {table} WHERE run = ?", (run,))  # noqa: S608
        with suppress(sqlite3.OperationalError):  # another process reads the file: the room stays in it
            self._database.execute("VACUUM")

    def contents(self) -> list[StoredModel]:
        """Every model of every run that has samples, the newest run first."""
        rows = self._database.execute(
            "SELECT run, model, json_extract(fingerprint, '$.variant'), suite, started_at, "
            "ifnull(json_extract(result, '$.status'), 'interrupted'), count(*), "
            "sum(length(stamps) + length(text) + length(question) + 100) "
            "FROM exchanges JOIN runs USING (run) LEFT JOIN fingerprints USING (run, model) "
            "LEFT JOIN results USING (run, model) WHERE model <> ? "
            "GROUP BY run, model ORDER BY runs.rowid DESC, min(exchanges.number)",
            (ANCHOR,),
        )
        return [StoredModel(*row) for row in rows]

    def runs(self) -> list[Run]:
        """All runs, oldest first."""
        return list(map(run_of, self._database.execute("SELECT * FROM runs ORDER BY rowid")))

    def samples(self, run: str, model: str, process: int | None = None) -> list[Sample]:
        """The samples of a model in a run (or of one of its processes) that count, in their order."""
        self.flush()
        rows = self._database.execute(
            f"SELECT * FROM exchanges WHERE {_COUNTED} AND process = ifnull(?, process) "  # noqa: S608
            "ORDER BY number",
            (run, model, process),
        )
        return list(map(sample_of, rows))

    def models_of(self, run: str) -> list[str]:
        """The models that have samples in a run, in the order of the first ones; without the anchor."""
        rows = self._database.execute(
            "SELECT model FROM exchanges WHERE run = ? AND model <> ? GROUP BY model ORDER BY min(number)",
            (run, ANCHOR),
        )
        return [row[0] for row in rows]

    def results_of(self, run: str) -> list[StoredResult]:
        """The results that a run has so far, oldest first."""
        return self._results("WHERE run = ? ORDER BY number", run)

    def newest_result(self) -> tuple[int, int]:
        """Differs when a result was added or removed."""
        row = self._database.execute("SELECT ifnull(max(number), 0), count(*) FROM results").fetchone()
        return row[0], row[1]

    def history(self, model: str, variant: str) -> list[StoredResult]:
        """A variant's results, newest first."""
        where = f"WHERE model = ? AND json_extract(result, '$.variant') = ? AND {_WAS_ASKED}"
        where += " ORDER BY number DESC"
        return self._results(where, model, variant)

    def edition(self) -> tuple[int, int]:
        """Differs when a result was added or removed."""
        query = "SELECT count(*), ifnull(max(number), 0) FROM results"
        count, newest = self._database.execute(query).fetchone()
        return count, newest

    def latest(self) -> list[StoredResult]:
        """The newest result of every variant of every model, in the order of their names."""
        return self._results(
            f"WHERE number IN (SELECT max(number) FROM results WHERE {_WAS_ASKED} "  # noqa: S608
            "GROUP BY model, json_extract(result, '$.variant')) "
            "ORDER BY model, json_extract(result, '$.variant')"
        )

    def _results(self, where: str, *values: str) -> list[StoredResult]:
        query = f"SELECT run, model, result FROM results {where}"  # noqa: S608 no input is in it
        return [StoredResult(*row) for row in self._database.execute(query, values)]

    def _prepare(self) -> None:
        if self._is_read_only:
            self._require_present_format()
            return
        try:
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.execute("PRAGMA foreign_keys = ON")
        except sqlite3.DatabaseError as error:
            raise self._problem("used", error, "Move it away; a new one will be created.") from None
        with self._transaction() as database:
            version = schema.bring_up(database)
        if version > schema.FORMAT_VERSION:
            raise ViewfinderError(
                f"The results file {self._file} was written by a newer Viewfinder (format {version}).",
                hint="Upgrade Viewfinder, or move the file away.",
                code=ERROR_CODE,
            )

    def _require_present_format(self) -> None:
        """Raise ViewfinderError when the file, which cannot be brought up to date, is of another format."""
        try:
            version = int(self._database.execute("PRAGMA user_version").fetchone()[0])
        except sqlite3.Error as error:
            raise self._problem("read", error, "Copy it to a disk that can be written to.") from None
        if version != schema.FORMAT_VERSION:
            raise ViewfinderError(
                f"The results file {self._file} has the format {version}, not {schema.FORMAT_VERSION}, and "
                "is on a disk that is read-only.",
                hint="Copy it to a folder that you may write to, and set VIEWFINDER_HOME to that.",
                code=ERROR_CODE,
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything in the block, after the samples that are still in memory, or nothing of it."""
        try:
            with self._database as database:
                database.execute("BEGIN IMMEDIATE")
                database.execute("PRAGMA defer_foreign_keys = ON")  # the block may begin the samples' run
                if rows := [row_of_sample(sample) for sample in self._waiting]:
                    database.executemany(insert("exchanges", rows[0]), rows)
                yield database
            self._waiting.clear()
        except sqlite3.Error as error:
            hint = "Check the disk's space and the file, or move it away; a new one will be created."
            raise self._problem("written", error, hint) from None

    def _problem(self, what: str, error: sqlite3.Error, hint: str) -> ViewfinderError:
        """With a better hint than this one for the primary error codes that have one."""
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        text = f"The results file {self._file} cannot be {what}: {error}."
        return ViewfinderError(text, hint=_HINTS.get(code, hint), code=ERROR_CODE)


def _place_to_open(file: Path) -> tuple[str, bool]:
    """What to open for reading, and whether it is a read-only address: memory when there is no file yet.

    On a disk that cannot be written to, SQLite cannot coordinate with a writer; there is none. Only where one
    left its log behind must it try.
    """
    if not file.exists():
        return ":memory:", False
    if os.access(file, os.W_OK) and os.access(file.parent, os.W_OK):
        return str(file), False
    log = file.with_name(f"{file.name}-wal")
    fixed = "" if log.exists() and log.stat().st_size else "&immutable=1"
    return f"{file.absolute().as_uri()}?mode=ro{fixed}", True
