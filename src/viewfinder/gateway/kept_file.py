"""The SQLite file of the conversations that are kept; called by `kept`.

Only its owner can read it. What is deleted is overwritten, and leaves the disk.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from viewfinder.core import paths

FILE = "kept.sqlite"
FORMAT = 1
WRITER_PATIENCE_S = 5.0
READ_AT_ONCE_BYTES = 1024 * 1024

_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS responses (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, previous TEXT, used_s REAL NOT NULL, suspect TEXT NOT NULL,
    inputs INTEGER NOT NULL, items BLOB NOT NULL, response BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS by_age ON responses (used_s);
CREATE TABLE IF NOT EXISTS images (sha256 TEXT PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS shown (
    response TEXT NOT NULL REFERENCES responses ON DELETE CASCADE, sha256 TEXT NOT NULL,
    PRIMARY KEY (response, sha256)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_image ON shown (sha256);
PRAGMA user_version = {FORMAT};
"""


def opened(folder: Path) -> sqlite3.Connection:
    """A connection to the file in a folder that only its owner can read, like the file itself."""
    paths.private(folder)
    file = folder / FILE
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    file.chmod(0o600)
    database = sqlite3.connect(file, timeout=WRITER_PATIENCE_S, isolation_level=None, check_same_thread=False)
    try:
        for pragma in (
            "auto_vacuum = FULL",  # before the first table: what is deleted leaves the disk
            "secure_delete = ON",
            "journal_mode = WAL",
            "synchronous = NORMAL",
            "journal_size_limit = 4194304",
            "foreign_keys = ON",
        ):
            database.execute(f"PRAGMA {pragma}")
        database.executescript(_SCHEMA)
    except BaseException:
        database.close()
        raise
    return database


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """All of the block, or nothing."""
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            database.execute("ROLLBACK")
        raise


def truncate_log(database: sqlite3.Connection) -> None:
    with suppress(sqlite3.OperationalError):  # another process reads: it will do it
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def write_image(database: sqlite3.Connection, sha256: str, pieces: Sequence[bytes]) -> None:
    """Store an image, if it is not stored already; piece by piece: a copy of it all would hold up others."""
    size_bytes = sum(map(len, pieces))
    row = database.execute("INSERT OR IGNORE INTO images VALUES (?, zeroblob(?))", (sha256, size_bytes))
    if row.rowcount and row.lastrowid:
        with database.blobopen("images", "data", row.lastrowid) as blob:
            for piece in pieces:
                blob.write(piece)


def read_image(database: sqlite3.Connection, sha256: str) -> tuple[bytes, ...]:
    """The image in pieces; none when it is not stored."""
    row = database.execute("SELECT rowid FROM images WHERE sha256 = ?", (sha256,)).fetchone()
    if row is None:
        return ()
    with database.blobopen("images", "data", row[0], readonly=True) as blob:
        return tuple(iter(lambda: blob.read(READ_AT_ONCE_BYTES), b""))


def drop_unseen(database: sqlite3.Connection) -> None:
    database.execute("DELETE FROM images WHERE sha256 NOT IN (SELECT sha256 FROM shown)")


def used_bytes(database: sqlite3.Connection) -> int:
    pages, free, size = (
        database.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def count_rows(database: sqlite3.Connection) -> int:
    return int(database.execute("SELECT count(*) FROM responses").fetchone()[0])
