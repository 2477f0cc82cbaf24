"""A store whose writes are sent to another one: that of a node whose run is kept elsewhere; and the rows of
one run, with which such a node continues it. Called by `api/bench_node`.
"""

import sqlite3
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from viewfinder.measure.store.fingerprint import Fingerprint
from viewfinder.measure.store.rows import ProcessOutcome, Run, Sample, insert
from viewfinder.measure.store.store import Store

RunRows = dict[str, list[dict[str, Any]]]
"""Table > rows."""
_TABLES = ("runs", "fingerprints", "processes", "exchanges", "results")


@dataclass(frozen=True, slots=True)
class StoreWrite:
    """A call of a method of `Store` that writes."""

    method: str
    arguments: tuple[Any, ...]
    named: Mapping[str, Any] = field(default_factory=dict)

    def repeat(self, store: Store) -> None:
        """Write the same to another store."""
        getattr(store, self.method)(*self.arguments, **self.named)


class SentStore(Store):
    """Every write is also given to `send`, in the same order."""

    def __init__(self, file: Path, send: Callable[[StoreWrite], None]) -> None:
        super().__init__(file)
        self._send = send

    def begin(self, run: Run, fingerprints: Mapping[str, Fingerprint] | None = None) -> None:
        super().begin(run, fingerprints)
        self._send(StoreWrite("begin", (run, fingerprints)))

    def finish(self, run: str, finished_at: str) -> None:
        super().finish(run, finished_at)
        self._send(StoreWrite("finish", (run, finished_at)))

    def begin_process(self, run: str, model: str, process: int, *, resumable: bool = False) -> int:
        set_aside = super().begin_process(run, model, process, resumable=resumable)
        self._send(StoreWrite("begin_process", (run, model, process), {"resumable": resumable}))
        return set_aside

    def set_aside(self, run: str, model: str, process: int) -> None:
        super().set_aside(run, model, process)
        self._send(StoreWrite("set_aside", (run, model, process)))

    def finish_process(self, run: str, model: str, process: int, outcome: ProcessOutcome) -> None:
        super().finish_process(run, model, process, outcome)
        self._send(StoreWrite("finish_process", (run, model, process, outcome)))

    def add(self, sample: Sample) -> None:
        super().add(sample)
        self._send(StoreWrite("add", (sample,)))

    def add_result(self, run: str, model: str, result: str, set_aside: Collection[int] = ()) -> None:
        super().add_result(run, model, result, set_aside)
        self._send(StoreWrite("add_result", (run, model, result, tuple(set_aside))))


def rows_of(file: Path, run: str) -> RunRows:
    """Everything that a results file has of a run, except what it computes itself."""
    with closing(sqlite3.connect(file)) as database:
        database.row_factory = sqlite3.Row
        return {
            table: [dict(row) for row in database.execute(_selected(database, table), (run,))]
            for table in _TABLES
        }


def write_rows(file: Path, rows: RunRows) -> None:
    """Put the rows of a run into a results file that has none of it."""
    Store(file).close()
    with closing(sqlite3.connect(file)) as database, database:
        for table, some in rows.items():
            for row in some:
                database.execute(insert(table, row), row)


def _selected(database: sqlite3.Connection, table: str) -> str:
    columns = [row["name"] for row in database.execute(f"PRAGMA table_info({table})")]
    return f"SELECT {', '.join(columns)} FROM {table} WHERE run = ?"  # noqa: S608 our own names
