"""The conversations of /v1/responses, kept for a while in SQLite; made by `api`, called by `responses`.

Each row is one turn: the items of its request and its answer, and the id of the turn before. Images are
stored once, by the hash of their data URL, as they were made safe. Only the owner (the name of a key) of a
row can reach it. Every method may wait for the disk, so the event loop calls none of them.

    too old, or too many bytes   the oldest rows are deleted, whatever else happens
    SIGKILL in a write           the write never happened (WAL)
    the disk is full, the file   NotKept, or ViewfinderError for a read: the answer is not affected
      cannot be opened
    the file is damaged          it is deleted, and an empty one takes its place
    two processes                they take turns
"""

import asyncio
import hashlib
import logging
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from viewfinder.core.config import ResponsesSettings
from viewfinder.core.errors import ViewfinderError
from viewfinder.fleet.record.events import Event
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
from viewfinder.wire.long_text import LongText

_log = logging.getLogger(__name__)
REASONS_KEPT = 1000
"""Responses that could not be kept, with the reason, for whoever asks for one of them."""
LEEWAY_S = 5.0
"""How far in the future a row may be used last, before the clock must have been set back."""
TIDY_EVERY_S = 60.0
AT_ONCE = 50
"""Rows that are deleted between two looks at the size."""

_CHAIN = """
WITH RECURSIVE chain (id, previous, depth) AS (
    SELECT id, previous, 0 FROM responses WHERE id = :id AND owner = :owner
    UNION ALL
    SELECT responses.id, responses.previous, depth + 1 FROM responses
    JOIN chain ON responses.id = chain.previous WHERE responses.owner = :owner AND depth < :most
)
"""


class NotKept(Exception):
    """Why a response could not be kept, as a sentence."""


class ChainTooLong(Exception):
    """A conversation has more turns, or more bytes of text, than a request may have."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One request with its answer: the first `inputs` of its items are the request's."""

    id: str
    owner: str
    previous: str | None
    items: Sequence[dict[str, Any]]
    inputs: int
    response: Mapping[str, Any]
    images: Mapping[str, LongText] = field(default_factory=dict)
    """By the hash of their data URL."""


@dataclass(frozen=True, slots=True)
class KeptTurn:
    """One turn as it is kept; `suspect` says why its answer can no longer be trusted, or is empty."""

    id: str
    previous: str | None
    suspect: str
    items: list[dict[str, Any]]
    inputs: int
    response: bytes = b""


class KeptTurns:
    """The file, created when something is kept for the first time. What waits for it runs in `thread`."""

    def __init__(
        self, folder: Path, settings: ResponsesSettings, clock: Callable[[], float] = time.time
    ) -> None:
        self._folder, self._settings, self._clock = folder, settings, clock
        self.thread = ThreadPoolExecutor(1, "kept")
        self._lock = threading.RLock()
        self._database: sqlite3.Connection | None = None
        self._not_kept: dict[str, str] = {}

    def limit(self, settings: ResponsesSettings) -> None:
        """Use other limits from the next write or `tidy` on."""
        self._settings = settings

    @classmethod
    def nothing(cls) -> "KeptTurns":
        """One that keeps nothing, and uses no disk."""
        return cls(Path(os.devnull), ResponsesSettings(keep_s=0.0))

    @property
    def is_on(self) -> bool:
        return bool(self._settings.keep_s and self._settings.keep_bytes)

    @property
    def keep_s(self) -> float:
        return self._settings.keep_s

    def why_not(self, id: str) -> str:
        """Why this response was not kept, as a sentence; empty when nothing is known of it."""
        return self._not_kept.get(id, "")

    def forgo(self, id: str, why: str) -> None:
        """Remember why a response is not kept."""
        with self._lock:
            self._not_kept[id] = why
            while len(self._not_kept) > REASONS_KEPT:
                del self._not_kept[next(iter(self._not_kept))]

    def put(self, turn: Turn) -> None:
        """Keep a turn. Raises NotKept, and remembers why."""
        try:
            self._put(turn)
        except (sqlite3.Error, OSError, ViewfinderError) as error:
            self._drop_if_damaged(error)
            reason = NotKept(f"It could not be written to the disk: {error}")
        except NotKept as error:
            reason = error
        else:
            return
        self.forgo(turn.id, str(reason))
        raise reason

    def chain(self, owner: str, id: str, most: int, most_bytes: int) -> list[KeptTurn]:
        """The turns of a conversation up to this one, oldest first; empty when a part of it is not kept.

        Raises ChainTooLong for more than `most` turns or `most_bytes` of items.
        """
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
        """The data URL of an image of a turn that was just read; None when it was deleted since."""
        with self._reading() as database:
            if database is None:
                return None
            pieces = read_image(database, sha256)
        return LongText(pieces) if pieces else None

    def delete(self, owner: str, id: str) -> bool:
        """Delete a turn, so that it cannot be read from the file either; false when there is none."""
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
        """Mark answers that can no longer be trusted."""
        with self._reading() as database:
            if database is not None:
                with transaction(database):
                    database.executemany(
                        "UPDATE responses SET suspect = ? WHERE id = ?", [(reason, id) for id in ids]
                    )

    def hear(self, event: Event) -> None:
        """Mark the answers that the fleet no longer trusts, also for the time after a restart."""
        if event.kind == "suspect":
            reason = str(event.details.get("fault", "")) or "wrong"
            self.thread.submit(self._marked, tuple(event.details.get("answers", ())), reason)

    def _marked(self, ids: Sequence[str], reason: str) -> None:
        try:
            self.suspect(ids, reason)
        except ViewfinderError as error:
            _log.error("%s", error)

    async def tidying(self) -> None:
        """`tidy` again and again, until it is cancelled."""
        while True:
            try:
                await asyncio.get_running_loop().run_in_executor(self.thread, self.tidy)
            except ViewfinderError as error:
                _log.error("%s", error)
            await asyncio.sleep(TIDY_EVERY_S)

    def tidy(self) -> None:
        """Delete what is too old, or too much. Called by `tidying`."""
        with self._reading() as database:
            if database is not None:
                with transaction(database):
                    self._shrink(database)
                truncate_log(database)

    def close(self) -> None:
        self.thread.shutdown()
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
                    "INSERT INTO shown VALUES (?, ?)", [(turn.id, sha256) for sha256 in _hashes(turn.items)]
                )
                touched = "UPDATE responses SET used_s = :now WHERE id IN (SELECT id FROM chain)"
                values = {"id": turn.id, "owner": turn.owner, "most": 10_000, "now": now_s}
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


def sha256_of(url: LongText) -> str:
    """The name under which an image is kept."""
    hashed = hashlib.sha256()
    for piece in url.pieces:
        hashed.update(piece)
    return hashed.hexdigest()


def _hashes(items: Iterable[Mapping[str, Any]]) -> set[str]:
    """The images that items refer to."""
    contents = [item.get("content") for item in items]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    return {part["image_url"]["sha256"] for part in parts if part["type"] == "input_image"}
