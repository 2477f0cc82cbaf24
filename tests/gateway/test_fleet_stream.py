"""The stream of the fleet: one snapshot for all who watch, nothing for nobody, and none holds another up."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from viewfinder.fleet.view import FleetView
from viewfinder.gateway import fleet_feed
from viewfinder.gateway.fleet_feed import EVENTS_HELD, HEARTBEAT, MOST_READERS, FleetFeed, FleetReader
from viewfinder.gateway.keys import KeyFile

from .conftest import Fleet, Gateway

PATIENCE_S = 10


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_feed, "LEAST_S", 0.01)
    monkeypatch.setattr(fleet_feed, "FLEET_LOOK_S", 0.05)


@asynccontextmanager
async def watching(gateway: Gateway, **headers: str) -> AsyncIterator[aiohttp.ClientResponse]:
    async with gateway.http.get(f"{gateway.url}/fleet/stream", headers=headers) as reply:
        yield reply


async def event(reply: aiohttp.ClientResponse) -> tuple[str, Any]:
    """The next one that is no heartbeat; ("", None) at the end."""
    async with asyncio.timeout(PATIENCE_S):
        while block := (await reply.content.readuntil(b"\n\n") if not reply.content.at_eof() else b""):
            fields = dict(line.split(": ", 1) for line in block.decode().strip().splitlines())
            if "event" in fields:
                return fields["event"], json.loads(fields["data"])
    return "", None


async def ended(reply: aiohttp.ClientResponse) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await reply.content.readany():
            pass


async def test_it_begins_with_the_state_and_says_what_changes(gateway: Gateway) -> None:
    async with watching(gateway) as reply:
        assert reply.content_type == "text/event-stream"
        assert reply.headers["cache-control"] == "no-store"
        name, view = await event(reply)
        assert (name, FleetView.of_json(view)) == ("fleet", gateway.fleet.view())
        gateway.fleet.events.emit("load", "both", engine="llama.cpp")
        gateway.fleet.loads.append("both")
        name, said = await event(reply)
        assert (name, said["kind"], said["details"]) == ("event", "load", {"engine": "llama.cpp"})
        name, view = await event(reply)
        assert (name, view["servers"][0]["model"]) == ("fleet", "both")
        gateway.fleet.pinned.add("both")  # there is no event of that
        name, view = await event(reply)
        assert (name, view["servers"][0]["pinned"]) == ("fleet", True)


async def test_who_wants_the_headers_gets_them_at_once(gateway: Gateway) -> None:
    async with asyncio.timeout(PATIENCE_S):
        for _ in range(MOST_READERS + 1):
            async with gateway.http.head(f"{gateway.url}/fleet/stream") as reply:
                assert (reply.status, reply.content_type) == (200, "text/event-stream")


@pytest.fixture
def views(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[FleetView]]:
    """Each time that the fleet was looked at."""
    taken: list[FleetView] = []
    look = gateway.fleet.view

    def view() -> FleetView:
        taken.append(look())
        return taken[-1]

    monkeypatch.setattr(gateway.fleet, "view", view)
    return taken


def looking() -> list[asyncio.Task[Any]]:
    return [task for task in asyncio.all_tasks() if task.get_name() == "fleet feed"]


async def test_all_readers_share_one_look_and_nobody_looks_for_nobody(
    gateway: Gateway, views: list[FleetView], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert looking() == []
    monkeypatch.setattr(fleet_feed, "FLEET_LOOK_S", 60)
    async with watching(gateway) as first, watching(gateway) as second, watching(gateway) as third:
        for reply in (first, second, third):
            await event(reply)
        before = len(views)
        gateway.fleet.loads.append("both")
        gateway.fleet.events.emit("ready", "both")
        for reply in (first, second, third):
            assert [(await event(reply))[0], (await event(reply))[0]] == ["event", "fleet"]
        assert len(views) == before + 1
        assert len(looking()) == 1
    async with asyncio.timeout(PATIENCE_S):
        while looking():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    gateway.fleet.events.emit("unload", "both")
    assert len(views) == before + 1


async def test_there_is_a_most_of_readers(gateway: Gateway) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as many:
        url = f"{gateway.url}/fleet/stream"
        inside = [await many.get(url) for _ in range(MOST_READERS)]
        for _ in range(200):
            async with many.get(url) as reply:
                assert reply.status == 503
                assert (await reply.json())["error"]["code"] == "overloaded"
                assert "retry-after" in reply.headers
        async with gateway.post("hello") as reply:
            assert reply.status == 200
        inside.pop().close()
        async with asyncio.timeout(PATIENCE_S):
            while (again := await many.get(url)).status != 200:
                again.close()
        for reply in (*inside, again):
            reply.close()


async def test_a_reader_that_does_not_read_holds_up_nobody(gateway: Gateway) -> None:
    idle = socket.create_connection(("127.0.0.1", gateway.bound.port))
    idle.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    idle.sendall(b"GET /fleet/stream HTTP/1.1\r\nhost: localhost\r\n\r\n")
    async with watching(gateway) as reply:
        await event(reply)
        for number in range(3000):
            gateway.fleet.events.emit("canary", "both", scenes="x" * 1000, number=number)
            if number % 50 == 0:
                await asyncio.sleep(0)
        numbers = []
        while not numbers or numbers[-1] < 2999:
            name, said = await event(reply)
            if name == "event":
                numbers.append(said["details"]["number"])
        assert numbers == sorted(numbers)
        async with gateway.post("hello") as answer:
            assert answer.status == 200
    idle.close()


async def test_what_is_held_for_one_reader_is_bounded() -> None:
    reader = FleetReader()
    for number in range(1000):
        reader.add(b"%d;" % number)
        reader.show(b"state %d;" % number)
    sent = (await reader.next()).split(b";")[:-1]
    assert sent == [b"%d" % number for number in range(1000 - EVENTS_HELD, 1000)] + [b"state 999"]


async def test_a_quiet_stream_says_that_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fleet_feed, "HEARTBEAT_S", 0.01)
    reader = FleetReader()
    assert await reader.next() == HEARTBEAT
    assert HEARTBEAT.startswith(b":")


async def test_stopping_does_not_wait_for_streams(start: Any) -> None:
    gateway = await start(drain_s=60)
    async with watching(gateway) as first, watching(gateway) as second:
        await event(first)
        gateway.stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await gateway.serving
            for reply in (first, second):
                await ended(reply)


async def test_a_stream_ends_with_its_key(start: Any, tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    gone, kept = keys.add("gone", admin=True), keys.add("kept", admin=True)
    gateway = await start(keys=keys)
    async with (
        watching(gateway, **{"x-api-key": gone}) as first,
        watching(gateway, **{"x-api-key": kept}) as second,
    ):
        await event(first)
        await event(second)
        keys.remove("gone")
        gateway.fleet.events.emit("load", "both")
        await ended(first)
        assert (await event(second))[0] == "event"


async def test_a_stream_without_a_key_ends_when_one_is_needed(start: Any, tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    gateway = await start(keys=keys)
    async with watching(gateway) as reply:
        await event(reply)
        keys.add("first")
        gateway.fleet.events.emit("load", "both")
        await ended(reply)


async def test_a_fleet_that_cannot_be_looked_at_ends_the_streams(gateway: Gateway) -> None:
    fleet = Fleet(None)  # type: ignore[arg-type]
    feed = FleetFeed(fleet)  # type: ignore[arg-type]
    with feed.reader() as reader:
        [task] = looking()

        def broken() -> FleetView:
            raise RuntimeError("a bug")

        fleet.view = broken  # type: ignore[method-assign]
        with pytest.raises(RuntimeError):
            await task
        assert reader.is_over
