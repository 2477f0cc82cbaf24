"""The conversations of /v1/responses in an SQLite file, for the gateways of one computer; made by `kept`.

too old, or too many bytes   the oldest rows are deleted, whatever else happens
SIGKILL in a write           the write never happened (WAL)
the disk is full, the file   NotKept, or ViewfinderError for a read: the answer is not affected
  cannot be opened
the file is damaged          it is deleted, and an empty one takes its place
two processes                they take turns
"""

import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import orjson

from viewfinder.core.config import ResponsesSettings
from viewfinder.core.errors import ViewfinderError
from viewfinder.gateway.kept_file import (
    FILE,
    count_rows,
    drop_unseen,
    opened,
    read_image,
    transaction,
    truncate_log,
    used_bytes,
    write_image,
)
from viewfinder.gateway.kept_store import (
    AT_ONCE,
    MOST_TOUCHED,
    ChainTooLong,
    KeptTurn,
    NotKept,
    Turn,
    hashes_in,
)
from viewfinder.wire.long_text import LongText

_log = logging.getLogger(__name__)
LEEWAY_S = 5.0
"""How far in the future a row may be used last, before the clock must have been set back."""

_CHAIN = """
WITH RECURSIVE chain (id, previous, depth) AS (
    SELECT id, previous, 0 FROM responses WHERE id = :id AND owner = :owner
    UNION ALL
    SELECT responses.id, responses.previous, depth + 1 FROM responses
    JOIN chain ON responses.id = chain.previous WHERE responses.owner = :owner AND depth < :most
)
"""


class KeptInFile:
    """A `KeptStore`: the file, created when something is kept for the first time."""

    def __init__(self, folder: Path, settings: ResponsesSettings, clock: Callable[[], float]) -> None:
        self._folder, self._settings, self._clock = folder, settings, clock
        self._lock = threading.RLock()
        self._database: sqlite3.Connection | None = None

    def limit(self, settings: ResponsesSettings) -> None:
        self._settings = settings

    def put(self, turn: Turn) -> None:
        try:
            self._put(turn)
        except (sqlite3.Error, OSError, ViewfinderError) as error:
            self._drop_if_damaged(error)
            raise NotKept(f"It could not be written to the disk: {error}") from None

    def chain(self, owner: str, id: str, most: int, most_bytes: int) -> list[KeptTurn]:
        values = {"id": id, "owner": owner, "most": most}
        with self._reading() as database:
            if database is None:
                return []
            size = "SELECT count(*), sum(length(items)) FROM chain JOIN responses USING (id)"
            turns, size_bytes = database.execute(_CHAIN + size, values).fetchone()
            if turns > most or (size_bytes or 0) > most_bytes:
                raise ChainTooLong
            whole = (
                "SELECT id, responses.previous, suspect, items, inputs, used_s FROM chain "
                "JOIN responses USING (id) ORDER BY depth DESC"
            )
            rows = database.execute(_CHAIN + whole, values).fetchall()
        if not rows or rows[0][1] is not None or not self._is_fresh(rows[-1][5]):
            return []
        return [KeptTurn(row[0], row[1], row[2], orjson.loads(row[3]), row[4]) for row in rows]

    def get(self, owner: str, id: str) -> KeptTurn | None:
        with self._reading() as database:
            if database is None:
                return None
            row = database.execute(
                "SELECT id, previous, suspect, items, inputs, response, used_s FROM responses "
                "WHERE id = ? AND owner = ?",
                (id, owner),
            ).fetchone()
        if row is None or not self._is_fresh(row[6]):
            return None
        return KeptTurn(row[0], row[1], row[2], orjson.loads(row[3]), row[4], row[5])

    def image(self, sha256: str) -> LongText | None:
        with self._reading() as database:
            if database is None:
                return None
            pieces = read_image(database, sha256)
        return LongText(pieces) if pieces else None

    def delete(self, owner: str, id: str) -> bool:
        if self.get(owner, id) is None:
            return False
        with self._reading() as database:
            if database is None:
                return False
            with transaction(database):
                database.execute("DELETE FROM responses WHERE id = ? AND owner = ?", (id, owner))
                drop_unseen(database)
            truncate_log(database)
        return True

    def suspect(self, ids: Iterable[str], reason: str) -> None:
        with self._reading() as database:
            if database is not None:
                with transaction(database):
                    database.executemany(
                        "UPDATE responses SET suspect = ? WHERE id = ?", [(reason, id) for id in ids]
                    )

    def tidy(self) -> None:
        with self._reading() as database:
            if database is not None:
                with transaction(database):
                    self._shrink(database)
                truncate_log(database)

    def close(self) -> None:
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def _put(self, turn: Turn) -> None:
        settings = self._settings
        items, response = orjson.dumps(turn.items), orjson.dumps(turn.response)
        size_bytes = len(items) + len(response) + sum(map(len, turn.images.values()))
        if size_bytes > settings.keep_bytes or not settings.keep_s:
            raise NotKept("It is larger than all that may be kept (responses.keep_bytes, responses.keep_s).")
        now_s = self._clock()
        with self._lock:
            database = self._opened()
            with transaction(database):
                for sha256, url in turn.images.items():
                    write_image(database, sha256, url.pieces)
                row = (turn.id, turn.owner, turn.previous, now_s, "", turn.inputs, items, response)
                database.execute("INSERT INTO responses VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
                database.executemany(
                    "INSERT INTO shown VALUES (?, ?)", [(turn.id, sha256) for sha256 in hashes_in(turn.items)]
                )
                touched = "UPDATE responses SET used_s = :now WHERE id IN (SELECT id FROM chain)"
                values = {"id": turn.id, "owner": turn.owner, "most": MOST_TOUCHED, "now": now_s}
                database.execute(_CHAIN + touched, values)
                self._shrink(database)
                if not database.execute("SELECT 1 FROM responses WHERE id = ?", (turn.id,)).fetchone():
                    raise NotKept("It is larger than all that may be kept (responses.keep_bytes).")

    def _shrink(self, database: sqlite3.Connection) -> None:
        """Delete what is too old; then, as long as there is too much, what was used longest ago."""
        now_s, settings = self._clock(), self._settings
        fresh = (now_s - settings.keep_s, now_s + LEEWAY_S)
        gone = database.execute("DELETE FROM responses WHERE used_s NOT BETWEEN ? AND ?", fresh).rowcount
        while True:
            if gone:
                drop_unseen(database)
            if used_bytes(database) <= settings.keep_bytes:
                return
            oldest = "SELECT rowid FROM responses ORDER BY used_s, rowid LIMIT ?"
            gone = database.execute(
                f"DELETE FROM responses WHERE rowid IN ({oldest})",  # noqa: S608
                (AT_ONCE if count_rows(database) > 20 * AT_ONCE else 1,),
            ).rowcount
            if not gone:
                return

    def _is_fresh(self, used_s: float) -> bool:
        now_s = self._clock()
        return now_s - self._settings.keep_s < used_s <= now_s + LEEWAY_S

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """The database; None when nothing was ever kept. Raises ViewfinderError when it cannot be used."""
        with self._lock:
            try:
                exists = self._database is not None or (self._folder / FILE).exists()
                yield self._opened() if exists else None
            except (sqlite3.Error, OSError) as error:
                self._drop_if_damaged(error)
                raise ViewfinderError(
                    f"The conversations in {self._folder} cannot be used: {error}.",
                    hint="Check the disk's space and the folder's permissions.",
                    code="responses_unreadable",
                ) from None

    def _opened(self) -> sqlite3.Connection:
        if self._database is None:
            try:
                self._database = opened(self._folder)
            except sqlite3.DatabaseError as error:
                if not self._drop_if_damaged(error):
                    raise
                self._database = opened(self._folder)
        return self._database

    def _drop_if_damaged(self, error: Exception) -> bool:
        """Delete a file that no longer is a database: it held nothing that was to last."""
        usable = (sqlite3.OperationalError, sqlite3.IntegrityError)  # locked, full, read-only
        if not isinstance(error, sqlite3.DatabaseError) or isinstance(error, usable):
            return False
        _log.warning("The conversations in %s are damaged and were deleted: %s", self._folder, error)
        with self._lock, suppress(OSError):
            if self._database is not None:
                self._database.close()
                self._database = None
            for name in (FILE, f"{FILE}-wal", f"{FILE}-shm"):
                (self._folder / name).unlink(missing_ok=True)
        return True
