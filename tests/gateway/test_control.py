"""The control API on a real Unix socket, over a fleet that records the calls."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from viewfinder.gateway.control import make_control
from viewfinder.gateway.listen import serving_control
from viewfinder.host.ownership import OwnerLock, control_socket

from .conftest import Fleet


@pytest.fixture
async def fleet(gateway: Any) -> Fleet:
    return gateway.fleet


@pytest.fixture
async def session(fleet: Fleet, tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    lock = OwnerLock.acquire(tmp_path)
    with control_socket(lock) as listener:
        connector = aiohttp.UnixConnector(listener.getsockname())
        async with (
            serving_control(make_control(fleet), listener),
            aiohttp.ClientSession("http://viewfinder", connector=connector) as session,
        ):
            yield session
    lock.release()


async def order(session: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    async with session.post(path) as reply:
        return reply.status, await reply.json()


async def look(session: aiohttp.ClientSession, path: str) -> Any:
    async with session.get(path) as reply:
        assert reply.status == 200
        return await reply.json()


async def test_load_pin_and_unload(session: aiohttp.ClientSession, fleet: Fleet) -> None:
    assert await order(session, "/models/both/load") == (200, {"model": "both"})
    assert await order(session, "/models/both/pin") == (200, {"model": "both"})
    view = await look(session, "/fleet")
    assert [(one["model"], one["state"], one["pinned"]) for one in view["servers"]] == [
        ("both", "ready", True)
    ]
    await order(session, "/models/both/unpin")
    assert fleet.pinned == set()
    await order(session, "/models/both/unload")
    assert (await look(session, "/fleet"))["servers"] == []


async def test_events_and_suspects(session: aiohttp.ClientSession, fleet: Fleet) -> None:
    fleet.events.emit("load", "both", engine="llama.cpp")
    for number in (1, 2):
        fleet.answers.note("both", f"chatcmpl-{number}")
    fleet.events.emit("suspect", "both", answers=fleet.answers.suspect("both", "stale"))
    fleet.answers.note("both", "chatcmpl-3")
    events = await look(session, "/events")
    assert [(one["kind"], one["model"]) for one in events] == [("load", "both"), ("suspect", "both")]
    marked = await look(session, "/suspects")
    assert [(one["id"], one["reason"]) for one in marked] == [
        ("chatcmpl-1", "stale"),
        ("chatcmpl-2", "stale"),
    ]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/models/nonesuch/load", 404, "model_not_found"),
        ("/models/unloadable/load", 502, "engine_died"),
        ("/models/both/explode", 404, "not_found"),
        ("/models//load", 404, "model_not_found"),
    ],
)
async def test_errors_are_those_of_the_http_api(
    session: aiohttp.ClientSession, path: str, status: int, code: str
) -> None:
    answered, body = await order(session, path)
    assert (answered, body["error"]["code"]) == (status, code)


async def test_a_wrong_path_is_not_sent_to_the_http_api(session: aiohttp.ClientSession) -> None:
    async with session.get("/chat/completions") as reply:
        assert (await reply.json())["error"]["message"] == "There is no GET /chat/completions here."


async def test_a_get_changes_nothing(session: aiohttp.ClientSession, fleet: Fleet) -> None:
    async with session.get("/models/both/load") as reply:
        assert reply.status == 405
    assert fleet.loads == []


async def test_at_the_end_a_request_in_progress_is_cut_off(
    fleet: Fleet, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fleet.loadable.clear()
    lock = OwnerLock.acquire(tmp_path)
    with control_socket(lock) as listener:
        async with serving_control(make_control(fleet), listener):
            reader, writer = await asyncio.open_unix_connection(listener.getsockname())
            writer.write(b"POST /models/both/load HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            async with asyncio.timeout(10):
                while not fleet.loads:  # noqa: ASYNC110
                    await asyncio.sleep(0.005)
        answer = await asyncio.wait_for(reader.read(), 10)
        writer.close()
    assert b"503" in answer.partition(b"\r\n")[0]
    assert b'"code":"stopping"' in answer
    assert not [record for record in caplog.records if record.exc_info]
    lock.release()


async def test_a_view_can_be_written_as_json(fleet: Fleet) -> None:
    fleet.loads.append("both")
    assert json.loads(json.dumps(fleet.view().as_json()))["servers"][0]["memory_bytes"] == 12_345_678


async def test_how_a_model_was_chosen(session: aiohttp.ClientSession) -> None:
    now = await look(session, "/choices/auto%3Asmallest")
    assert (now["name"], now["model"]) == ("auto:smallest", "both")
    assert "not measured here" in now["why"]
    for path, code in (
        ("newest", "answer_not_found"),
        ("chatcmpl-9", "answer_not_found"),
        ("auto:x", "model_not_found"),
    ):
        async with session.get(f"/choices/{path}") as reply:
            assert (reply.status, (await reply.json())["error"]["code"]) == (404, code)
