"""The conversations of /v1/responses in PostgreSQL, which several gateways reach; made by `kept_where`.

the database was restarted   the next use connects again, and does its work once more
it cannot be reached, or     Busy (503, retry later), or NotKept for a write; a moment long without another
  does not answer in time      try; nothing else of the gateway waits for it
two gateways                 a conversation that began at one continues at the other: times are the
                               database's, and what deletes holds up what writes
"""

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import orjson
import psycopg

from viewfinder.core.config import ResponsesSettings
from viewfinder.core.errors import BadRequest, Busy
from viewfinder.gateway.kept_store import (
    AT_ONCE,
    MOST_TOUCHED,
    ChainTooLong,
    KeptTurn,
    NotKept,
    Turn,
    hashes_in,
)
from viewfinder.gateway.postgres import (
    DatabaseConnection,
    connected,
    exclusively,
    harmless,
    in_time,
    refuses_us,
    together,
)
from viewfinder.wire.long_text import LongText

_log = logging.getLogger(__name__)
_T = TypeVar("_T")
DATABASE_PATIENCE_S = 10.0
"""For one use of the database; a healthy one takes milliseconds."""
DATABASE_RETRY_S = 1.0
"""After a failure, for this long no other try is made: each may take DATABASE_PATIENCE_S."""
RETRY_AFTER_S = 2.0
CANNOT_BE_USED = "The database of store_url cannot be used, so conversations are not kept until it can: %s"
IMAGE_ROW_BYTES = 1024 * 1024
LOOK_AFTER = 64
"""The size of all is looked at after this part of `keep_bytes` was written by us."""

_CHAIN = """
WITH RECURSIVE chain (id, previous, depth) AS (
    SELECT id, previous, 0 FROM viewfinder_responses WHERE id = %(id)s AND owner = %(owner)s
    UNION ALL
    SELECT r.id, r.previous, depth + 1 FROM viewfinder_responses r
    JOIN chain ON r.id = chain.previous WHERE r.owner = %(owner)s AND depth < %(most)s
)
"""
_NOW = "extract(epoch FROM clock_timestamp())::float8"


class KeptInPostgres:
    """A `KeptStore` over one connection, which is made at the first use and again after it was lost."""

    def __init__(self, url: str, settings: ResponsesSettings) -> None:
        self._url, self._settings = url, settings
        self._lock = threading.Lock()
        self._connection: DatabaseConnection | None = None
        self._failed_s = -DATABASE_RETRY_S
        self._is_down = False
        self._unseen_bytes = 0
        self._known_bytes = 0

    def limit(self, settings: ResponsesSettings) -> None:
        self._settings = settings

    def check(self) -> None:
        """Connect. Raises BadRequest when the database refuses us, or what store_url says cannot be right;
        one that is not up now is waited for."""
        try:
            self._run(lambda connection: None, is_logged=False)
        except Busy as busy:
            error = busy.__cause__ or busy
            why = refuses_us(self._url, error)
            if not why:
                _log.error(CANNOT_BE_USED, harmless(self._url, error))
            else:
                raise BadRequest(
                    f"The database of store_url cannot be used: {why}",
                    hint="Fix store_url (VIEWFINDER_STORE_URL): postgresql://USER:PASSWORD@HOST/DATABASE.",
                    param="store_url",
                ) from None

    def put(self, turn: Turn) -> None:
        settings = self._settings
        items, response = orjson.dumps(turn.items), orjson.dumps(turn.response)
        size_bytes = len(items) + len(response) + sum(map(len, turn.images.values()))
        if size_bytes > settings.keep_bytes or not settings.keep_s:
            raise NotKept("It is larger than all that may be kept (responses.keep_bytes, responses.keep_s).")

        def write(connection: DatabaseConnection) -> None:
            with together(connection):
                for sha256, url in turn.images.items():
                    _write_image(connection, sha256, url)
                row = (turn.id, turn.owner, turn.previous, turn.inputs, items, response)
                connection.execute(
                    f"INSERT INTO viewfinder_responses VALUES (%s, %s, %s, {_NOW}, '', %s, %b, %b) "
                    "ON CONFLICT DO NOTHING",  # a commit whose answer was lost is repeated
                    row,
                )
                for sha256 in sorted(hashes_in(turn.items)):
                    shown = "INSERT INTO viewfinder_shown VALUES (%s, %s) ON CONFLICT DO NOTHING"
                    connection.execute(shown, (turn.id, sha256))
                touched = (
                    f"UPDATE viewfinder_responses SET used_s = {_NOW} WHERE id IN (SELECT id FROM chain)"
                )
                values = {"id": turn.id, "owner": turn.owner, "most": MOST_TOUCHED}
                connection.execute(f"{_CHAIN} {touched}", values)
            self._unseen_bytes += size_bytes
            is_near = self._known_bytes + self._unseen_bytes > settings.keep_bytes
            if is_near or self._unseen_bytes * LOOK_AFTER > settings.keep_bytes:
                self._shrink(connection)

        try:
            self._run(write)
        except Busy as error:
            raise NotKept(error.message) from None

    def chain(self, owner: str, id: str, most: int, most_bytes: int) -> list[KeptTurn]:
        values = {"id": id, "owner": owner, "most": most, "keep": self._settings.keep_s}

        def read(connection: DatabaseConnection) -> list[tuple[Any, ...]]:
            with connection.transaction():
                size = "SELECT count(*), sum(length(items)) FROM chain JOIN viewfinder_responses USING (id)"
                turns, size_bytes = _one(connection, f"{_CHAIN} {size}", values)
                if turns > most or (size_bytes or 0) > most_bytes:
                    raise ChainTooLong
                whole = (
                    f"SELECT id, r.previous, suspect, items, inputs, used_s > {_NOW} - %(keep)s "
                    "FROM chain JOIN viewfinder_responses r USING (id) ORDER BY depth DESC"
                )
                return connection.execute(f"{_CHAIN} {whole}", values, binary=True).fetchall()

        rows = self._run(read)
        if not rows or rows[0][1] is not None or not rows[-1][5]:
            return []
        return [KeptTurn(row[0], row[1], row[2], orjson.loads(row[3]), row[4]) for row in rows]

    def get(self, owner: str, id: str) -> KeptTurn | None:
        whole = (
            "SELECT id, previous, suspect, items, inputs, response FROM viewfinder_responses "
            f"WHERE id = %s AND owner = %s AND used_s > {_NOW} - %s"
        )
        values = (id, owner, self._settings.keep_s)
        row = self._run(lambda connection: connection.execute(whole, values, binary=True).fetchone())
        return KeptTurn(row[0], row[1], row[2], orjson.loads(row[3]), row[4], row[5]) if row else None

    def image(self, sha256: str) -> LongText | None:
        pieces = "SELECT data FROM viewfinder_images WHERE sha256 = %s ORDER BY piece"
        rows = self._run(lambda connection: connection.execute(pieces, (sha256,), binary=True).fetchall())
        return LongText(tuple(row[0] for row in rows)) if rows else None

    def delete(self, owner: str, id: str) -> bool:
        gone = f"DELETE FROM viewfinder_responses WHERE id = %s AND owner = %s AND used_s > {_NOW} - %s"

        def delete(connection: DatabaseConnection) -> bool:
            with exclusively(connection):
                count = connection.execute(gone, (id, owner, self._settings.keep_s)).rowcount
                _drop_unseen(connection)
            return bool(count)

        return self._run(delete)

    def suspect(self, ids: Iterable[str], reason: str) -> None:
        marked = "UPDATE viewfinder_responses SET suspect = %s WHERE id = ANY(%s)"
        self._run(lambda connection: connection.execute(marked, (reason, list(ids))))

    def tidy(self) -> None:
        self._run(self._shrink)

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _shrink(self, connection: DatabaseConnection) -> None:
        """Delete what is too old; then, as long as there is too much, what was used longest ago."""
        settings = self._settings
        old = f"DELETE FROM viewfinder_responses WHERE used_s <= {_NOW} - %s"
        oldest = (
            "DELETE FROM viewfinder_responses WHERE id IN "
            "(SELECT id FROM viewfinder_responses ORDER BY used_s, id LIMIT %s)"
        )
        with exclusively(connection):
            gone = connection.execute(old, (settings.keep_s,)).rowcount
            while True:
                if gone:
                    _drop_unseen(connection)
                rows, self._known_bytes = _one(connection, _SIZE)
                if self._known_bytes <= settings.keep_bytes:
                    break
                gone = connection.execute(oldest, (AT_ONCE if rows > 20 * AT_ONCE else 1,)).rowcount
                if not gone:
                    break
        self._unseen_bytes = 0

    def _run(self, work: Callable[[DatabaseConnection], _T], *, is_logged: bool = True) -> _T:
        """What `work` makes of a connection that works; once more where it was lost since its last use.

        Raises Busy, whose cause is the database's error.
        """
        with self._lock:
            if time.monotonic() - self._failed_s < DATABASE_RETRY_S:
                raise _away(None)
            had_one = self._connection is not None
            try:
                try:
                    return self._worked(work)
                except psycopg.Error:
                    self._drop()
                    if not had_one:
                        raise
                    return self._worked(work)
            except psycopg.Error as error:
                self._drop()
                self._failed_s = time.monotonic()
                is_logged = is_logged and not self._is_down  # once, not once a request
                self._is_down = True
                if is_logged:
                    _log.error(CANNOT_BE_USED, harmless(self._url, error))
                raise _away(error) from error

    def _worked(self, work: Callable[[DatabaseConnection], _T]) -> _T:
        if self._connection is None:
            self._connection = connected(self._url)
        with in_time(self._connection, DATABASE_PATIENCE_S):
            made = work(self._connection)
        if self._is_down:
            self._is_down = False
            _log.warning("The database of store_url can be used again.")
        return made

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


_SIZE = """
SELECT (SELECT count(*) FROM viewfinder_responses),
    (SELECT coalesce(sum(octet_length(items) + octet_length(response)), 0)::int8 FROM viewfinder_responses)
    + (SELECT coalesce(sum(octet_length(data)), 0)::int8 FROM viewfinder_images)
"""


def _one(
    connection: DatabaseConnection, query: str, values: Mapping[str, Any] | None = None
) -> tuple[Any, ...]:
    row = connection.execute(query, values).fetchone()
    return row if row is not None else (0, 0)


def _write_image(connection: DatabaseConnection, sha256: str, url: LongText) -> None:
    """Store an image, if it is not stored already, in pieces: a copy of it all would hold up others."""
    write = "INSERT INTO viewfinder_images VALUES (%s, %s, %b) ON CONFLICT DO NOTHING"
    parts = (
        piece[at : at + IMAGE_ROW_BYTES]
        for piece in url.pieces
        for at in range(0, len(piece), IMAGE_ROW_BYTES)
    )
    for number, part in enumerate(parts):
        if not connection.execute(write, (sha256, number, part)).rowcount:
            return  # another has written all of it


def _drop_unseen(connection: DatabaseConnection) -> None:
    connection.execute(
        "DELETE FROM viewfinder_images WHERE sha256 NOT IN (SELECT sha256 FROM viewfinder_shown)"
    )


def _away(error: psycopg.Error | None) -> Busy:
    return Busy(
        "The conversations cannot be reached now: their database does not answer.",
        hint="Retry in a moment, or send the whole conversation in 'input'.",
        retry_after_s=RETRY_AFTER_S,
        code="store_unreachable",
    )
