"""Connections to a PostgreSQL database, their tables, and what may be said of their errors; called by
`kept_in_postgres`."""

import contextlib
import os
import re
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import psycopg
from psycopg import pq
from psycopg.conninfo import conninfo_to_dict, make_conninfo

DatabaseConnection = psycopg.Connection[tuple[Any, ...]]
DATABASE_CONNECT_S = 3
TABLES_FORMAT = 1
_LOCK = 0x76_66_6B_65_70_74
"""Of PostgreSQL's advisory locks, ours."""
_SETTINGS: dict[str, str | int] = {
    "connect_timeout": DATABASE_CONNECT_S,
    "keepalives_idle": 5,
    "application_name": "viewfinder",
}
_LIMITS = {"lock_timeout": "5s", "idle_in_transaction_session_timeout": "10s"}
"""So that a gateway that was stopped in a transaction does not hold up the others."""
_SECRETS = ("password", "sslpassword")
_MOST_SHOWN = 300

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS viewfinder_format (number integer PRIMARY KEY)",
    "INSERT INTO viewfinder_format SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM viewfinder_format)",
    """
    CREATE TABLE IF NOT EXISTS viewfinder_responses (
        id text PRIMARY KEY, owner text NOT NULL, previous text, used_s float8 NOT NULL,
        suspect text NOT NULL, inputs integer NOT NULL, items bytea NOT NULL, response bytea NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS viewfinder_by_age ON viewfinder_responses (used_s)",
    """
    CREATE TABLE IF NOT EXISTS viewfinder_images (
        sha256 text, piece integer, data bytea NOT NULL, PRIMARY KEY (sha256, piece)
    )
    """,
    "ALTER TABLE viewfinder_images ALTER COLUMN data SET STORAGE EXTERNAL",  # base64 of JPEG: do not try
    """
    CREATE TABLE IF NOT EXISTS viewfinder_shown (
        response text REFERENCES viewfinder_responses ON DELETE CASCADE, sha256 text,
        PRIMARY KEY (response, sha256)
    )
    """,
    "CREATE INDEX IF NOT EXISTS viewfinder_by_image ON viewfinder_shown (sha256)",
)


def connected(url: str) -> DatabaseConnection:
    """A connection to a database that has our tables. Raises psycopg.Error."""
    defaults = {name: value for name, value in _SETTINGS.items() if name not in conninfo_to_dict(url)}
    whole = make_conninfo(url, **defaults)
    connection: DatabaseConnection = psycopg.connect(whole, autocommit=True, prepare_threshold=None)
    try:
        with in_time(connection, DATABASE_CONNECT_S):
            for name, value in _LIMITS.items():
                connection.execute("SELECT set_config(%s, %s, false)", (name, value))
            _require_tables(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _require_tables(connection: DatabaseConnection) -> None:
    if _format_of(connection) is None:
        with exclusively(connection):  # two gateways that make a table at once: one of them fails
            for statement in _SCHEMA:
                connection.execute(statement)
    if (number := _format_of(connection)) != TABLES_FORMAT:
        raise psycopg.NotSupportedError(
            f"its tables are of format {number}, and this Viewfinder's are of format {TABLES_FORMAT}"
        )


def _format_of(connection: DatabaseConnection) -> int | None:
    found = connection.execute("SELECT to_regclass('viewfinder_format')").fetchone()
    if found is None or found[0] is None:
        return None
    row = connection.execute("SELECT max(number) FROM viewfinder_format").fetchone()
    return row[0] if row else None


@contextlib.contextmanager
def exclusively(connection: DatabaseConnection) -> Iterator[None]:
    """A transaction beside which no other of ours writes."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        yield


@contextlib.contextmanager
def together(connection: DatabaseConnection) -> Iterator[None]:
    """A transaction beside which nothing is deleted by us: it may rely on the images that it has seen."""
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock_shared(%s)", (_LOCK,))
        yield


@contextlib.contextmanager
def in_time(connection: DatabaseConnection, seconds: float) -> Iterator[None]:
    """The block ends with an error when it takes longer: the connection is cut. A database that was stopped
    in the middle of an answer would otherwise be waited for as long as its computer is up."""
    cut = threading.Timer(seconds, _cut, (connection,))
    cut.daemon = True
    cut.start()
    try:
        yield
    finally:
        cut.cancel()
        cut.join()  # one that cuts now would cut another's connection once this one is closed


def _cut(connection: DatabaseConnection) -> None:
    with (
        contextlib.suppress(OSError, psycopg.Error),
        socket.socket(fileno=os.dup(connection.fileno())) as one,
    ):
        one.shutdown(socket.SHUT_RDWR)


def refuses_us(url: str, error: BaseException) -> str:
    """Why a database that is up will never take us, as it says; empty when it may only be down now."""
    said = harmless(url, error)
    try:
        parts = conninfo_to_dict(url)
    except psycopg.Error:
        return said
    ping = pq.PGconn.ping(make_conninfo(url, connect_timeout=DATABASE_CONNECT_S).encode())
    if ping in (pq.Ping.OK, pq.Ping.NO_ATTEMPT) or not _is_known(parts.get("host")):
        return said
    return ""


def _is_known(host: Any) -> bool:
    """Whether the host's name leads anywhere; several, or a socket's folder, are not looked up."""
    if not isinstance(host, str) or host.startswith(("/", "@")) or "," in host:
        return True
    try:
        socket.getaddrinfo(host, None)
    except OSError:
        return False
    return True


def harmless(url: str, error: BaseException) -> str:
    """The first line of an error, without the password of its address."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    text = lines[0][:_MOST_SHOWN]
    for secret in _secrets(url):
        text = text.replace(secret, "***")
    return text


def _secrets(url: str) -> list[str]:
    """What of an address must not be shown: its passwords as they are written, and as they are meant."""
    found = re.findall(r"^\w+://[^:@/]*:([^@]*)@", url) + re.findall(r"[?&](?:ssl)?password=([^&]*)", url)
    with contextlib.suppress(psycopg.Error):
        parts = conninfo_to_dict(url)
        found += [str(parts[name]) for name in _SECRETS if parts.get(name)]
    return sorted({*found, *map(unquote, found)} - {""}, key=len, reverse=True)
