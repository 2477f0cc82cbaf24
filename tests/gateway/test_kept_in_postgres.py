"""Conversations in a real PostgreSQL: two gateways share them, a restart loses nothing, an outage stops
nothing else, and no message has the password."""

import logging
import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from pydantic import SecretStr

from tests.postgres_server import PASSWORD, QUOTED, PostgresServer, binaries
from viewfinder.core.config import ResponsesSettings, Settings, load_settings
from viewfinder.core.errors import BadRequest, Busy, ViewfinderError
from viewfinder.gateway import kept_in_postgres, kept_where, postgres
from viewfinder.gateway.kept import KeptTurns
from viewfinder.gateway.kept_in_postgres import KeptInPostgres
from viewfinder.gateway.kept_store import ChainTooLong, NotKept, Turn, sha256_of
from viewfinder.gateway.problems import response_to
from viewfinder.wire.long_text import LongText

from .conftest import Start
from .test_kept import SHA256, id_of, said, shown, turn
from .test_responses import SAID, ask, call, data_url, text_of
from .test_responses import shown as picture

pytestmark = pytest.mark.skipif(
    binaries() is None, reason="no PostgreSQL server here; on Debian: apt-get install postgresql"
)
Open = Callable[..., KeptTurns]


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    server = PostgresServer()
    yield server
    server.close()


@pytest.fixture
def opened(server: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Open]:
    """Opens stores in the same database, which is emptied first: each is that of another gateway."""
    monkeypatch.setattr(kept_in_postgres, "DATABASE_RETRY_S", 0.0)
    tables = ("responses", "images", "shown", "format")
    server.execute(*(f"DROP TABLE IF EXISTS viewfinder_{name} CASCADE" for name in tables))
    with ExitStack() as stack:

        def open_one(keep_bytes: int = 1_000_000, keep_s: float = 3600.0) -> KeptTurns:
            settings = Settings(
                store_url=SecretStr(server.url),
                responses=ResponsesSettings(keep_bytes=keep_bytes, keep_s=keep_s),
            )
            made = kept_where.kept_where(os.devnull, settings)  # type: ignore[arg-type]
            stack.callback(made.close)
            return made

        yield open_one


def age(server: PostgresServer, seconds: float) -> None:
    server.execute(f"UPDATE viewfinder_responses SET used_s = used_s - {seconds}")  # noqa: S608


def test_what_began_at_one_gateway_continues_at_the_other(opened: Open) -> None:
    here, there = opened(), opened()
    here.put(shown(1))
    there.put(turn(2, 1))
    here.put(turn(3, 2))
    there.put(turn(4, 1))  # another way to continue
    assert [one.id for one in there.chain("", id_of(3), 9, 9999)] == [id_of(1), id_of(2), id_of(3)]
    assert [one.id for one in here.chain("", id_of(4), 9, 9999)] == [id_of(1), id_of(4)]
    assert str(there.image(SHA256)) == str(shown(1).images[SHA256])
    there.suspect([id_of(2)], "wrong color")
    assert [one.suspect for one in here.chain("", id_of(3), 9, 9999)] == ["", "wrong color", ""]
    assert here.delete("", id_of(1))
    assert there.image(SHA256) is None
    assert said(there, 3) == []


def test_only_the_owner_sees_it_and_ids_are_values(opened: Open) -> None:
    kept = opened()
    kept.put(turn(1, owner="ann"))
    kept.put(turn(2, 1, owner="bob"))
    assert said(kept, 1, "ann") == ["Hi. 1"]
    assert said(kept, 1, "bob") == said(kept, 2, "bob") == said(kept, 1) == []
    assert kept.get("bob", id_of(1)) is None
    assert not kept.delete("bob", id_of(1))
    for text in ("'; DROP TABLE viewfinder_responses; --", "%", "%s", "é\u2028"):
        assert kept.get(text, text) is None
    with pytest.raises(ChainTooLong):
        kept.chain("ann", id_of(1), 0, 9999)


def test_a_large_image_in_pieces_and_two_that_write_it_at_once(opened: Open) -> None:
    stores = [opened(30_000_000) for _ in range(2)]
    large = LongText(tuple(bytes([65 + at]) * 1_400_000 for at in range(5)))
    sha256 = sha256_of(large)
    part = {"type": "input_image", "image_url": {"sha256": sha256}, "detail": "auto"}
    items = [{"type": "message", "role": "user", "content": [part]}]
    turns = [Turn(id_of(at), "", None, items, 1, {}, {sha256: large}) for at in range(4)]
    with ThreadPoolExecutor(2) as threads:
        writes = [threads.submit(stores[at % 2].put, one) for at, one in enumerate(turns)]
        for write in writes:
            write.result()
    found = stores[0].image(sha256)
    assert found is not None
    assert b"".join(found.pieces) == b"".join(large.pieces)
    assert max(map(len, found.pieces)) == 2**20


def test_the_limits_hold(opened: Open, server: PostgresServer) -> None:
    kept = opened(200_000, keep_s=100)
    kept.put(shown(1))
    age(server, 60)
    kept.put(turn(2, 1))  # prolongs the first
    age(server, 60)
    assert len(kept.chain("", id_of(2), 9, 9999)) == 2
    age(server, 60)
    assert said(kept, 2) == []
    kept.tidy()
    assert server.execute(
        "SELECT (SELECT count(*) FROM viewfinder_responses), count(*) FROM viewfinder_images"
    ) == [(0, 0)]
    for number in range(1, 31):
        kept.put(turn(number, text="x" * 20_000))
    ids = [number for number in range(1, 31) if kept.get("", id_of(number))]
    assert ids == list(range(ids[0], 31))
    assert 5 < len(ids) < 10
    with pytest.raises(NotKept, match="keep_bytes"):
        kept.put(turn(99, text="x" * 300_000))


async def test_a_restart_in_mid_conversation(
    start: Start, opened: Open, server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Two gateways. The database goes: what needs it gets 503 and when to retry, all else its answer; it
    comes back, and the conversation continues at the other gateway with its image."""
    stores = [opened(), opened()]
    here, there = [await start(kept=one) for one in stores]
    first = await ask(here, picture("One.", data_url("red")))
    second = await ask(there, "Two.", previous_response_id=first["id"])
    server.stop()
    stores[0].hear(_suspect(second["id"]))
    new = await ask(here, "Another.")
    assert (text_of(new), new["store"]) == (SAID, False)
    body = {"model": "both", "input": "Three.", "previous_response_id": second["id"]}
    async with here.http.post(f"{here.url}/v1/responses", json=body) as reply:
        error = (await reply.json())["error"]
        assert (reply.status, error["code"], reply.headers["retry-after"]) == (503, "store_unreachable", "2")
    await call(here, "GET", second["id"], status=503)
    await call(here, "DELETE", second["id"], status=503)
    chat = {"model": "both", "messages": [{"role": "user", "content": "Hi."}]}
    async with here.http.post(f"{here.url}/v1/chat/completions", json=chat) as reply:
        assert reply.status == 200
    server.start()
    third = await ask(there, "Three.", previous_response_id=first["id"])
    sent = there.engine.asked[-1]["messages"]
    assert [message["role"] for message in sent] == ["user", "assistant", "user"]
    assert sent[0]["content"][1]["image_url"]["url"].startswith("data:image/")
    stores[0].tidy()  # now it can be told what became suspect meanwhile
    assert (await call(there, "GET", second["id"]))["status"] == "failed"
    assert (await call(here, "GET", third["id"]))["status"] == "completed"
    assert PASSWORD not in caplog.text
    assert sum("cannot be used" in one.getMessage() for one in caplog.records) == 1  # not once a request


def _suspect(id: str) -> object:
    class Suspect:
        kind, details = "suspect", {"fault": "wrong color", "answers": [id]}

    return Suspect()


def test_a_restart_between_two_uses_is_not_noticed(opened: Open, server: PostgresServer) -> None:
    kept = opened()
    kept.put(turn(1))
    server.stop()
    server.start()
    kept.put(turn(2, 1))
    assert said(kept, 2) == ["Hi. 1", "Hi. 2"]


def test_a_database_that_hangs_is_not_waited_for(
    opened: Open, server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = opened()
    kept.put(turn(1))
    monkeypatch.setattr(kept_in_postgres, "DATABASE_PATIENCE_S", 0.2)
    monkeypatch.setattr(postgres, "DATABASE_CONNECT_S", 0.2)
    pids = server.pids()
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        assert kept.get("", id_of(1)) is not None  # over another connection
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_after_a_failure_nothing_tries_again_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []
    monkeypatch.setattr(kept_in_postgres, "DATABASE_RETRY_S", 60.0)

    def connected(url: str) -> None:
        tries.append(url)
        raise kept_in_postgres.psycopg.OperationalError("timeout")

    monkeypatch.setattr(kept_in_postgres, "connected", connected)
    store = KeptInPostgres("postgresql://nowhere/x", ResponsesSettings())
    for _ in range(3):
        with pytest.raises(Busy) as refused:
            store.get("", "x")
    assert len(tries) == 1
    assert response_to(refused.value).status_code == 503


@pytest.mark.parametrize("bad", ["password", "user", "database", "host", "option"])
def test_what_cannot_be_right_stops_the_start_without_the_password(
    server: PostgresServer, bad: str, caplog: pytest.LogCaptureFixture
) -> None:
    url = {
        "password": server.address(password="wrong-" + QUOTED),
        "user": server.address(user="nobody-here"),
        "database": server.address(database="none"),
        "host": f"postgresql://vf:{QUOTED}@does-not-exist.invalid/x",
        "option": f"{server.url}&no_such_option=1",
    }[bad]
    with pytest.raises(BadRequest, match="store_url") as refused:
        kept_where.kept_where(os.devnull, Settings(store_url=SecretStr(url)))  # type: ignore[arg-type]
    assert refused.value.param == "store_url"
    for text in (str(refused.value), caplog.text, repr(Settings(store_url=SecretStr(url)))):
        assert PASSWORD not in text
        assert QUOTED not in text


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:secretword@h/d",
        "secretword",
        "postgresql://u:a@secretword@h/d",
        "postgres://u:a/secretword@h",
    ],
)
def test_an_address_that_is_none_is_not_repeated(url: str) -> None:
    with pytest.raises(BadRequest, match="store_url") as refused:
        load_settings(store_url=url)
    assert "secretword" not in str(refused.value)


def test_a_database_that_is_down_at_the_start_is_waited_for(
    server: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    url = f"postgresql://vf:{QUOTED}@127.0.0.1:1/x"
    kept = kept_where.kept_where(os.devnull, Settings(store_url=SecretStr(url)))  # type: ignore[arg-type]
    kept.close()
    assert [one.levelno for one in caplog.records] == [logging.ERROR]
    assert "conversations are not kept until it can" in caplog.text
    assert QUOTED not in caplog.text


def test_tables_of_a_newer_version_are_left_alone(opened: Open, server: PostgresServer) -> None:
    opened().put(turn(1))
    server.execute("UPDATE viewfinder_format SET number = 99")
    with pytest.raises(BadRequest, match="format 99"):
        opened()


def test_without_the_package_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "viewfinder.gateway.kept_in_postgres", None)
    settings = Settings(store_url=SecretStr("postgresql://h/d"))
    with pytest.raises(ViewfinderError, match=r"psycopg.*pip install '.\[postgres\]'"):
        kept_where.kept_where(os.devnull, settings)  # type: ignore[arg-type]
