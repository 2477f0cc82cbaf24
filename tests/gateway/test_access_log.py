"""The access log: one line for each request, whatever became of it, and never a word of it."""

import asyncio
import base64
import json
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.test_connection import MALFORMED, exchange
from viewfinder.core.config import Limits
from viewfinder.fleet.record.events import Events
from viewfinder.gateway.access_log import KEPT_ENTRIES, AccessLog
from viewfinder.gateway.connection import Terms
from viewfinder.gateway.request_record import ENTRY, RequestRecords
from viewfinder.host.line_file import LineFile
from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.scene import make_scene

from .faulty import USAGE

SECRET = "xyzzy-plugh"


class Written:
    """The log of the gateway under test, as it stands on disk."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.events = Events()
        self.records = RequestRecords(self.events.refusals, AccessLog(LineFile(file)))

    def terms(self, **limits: Any) -> Terms:
        return Terms.of(Limits(**limits), 1, self.records)

    def lines(self) -> list[dict[str, Any]]:
        """All lines; afterwards nothing is logged any more."""
        self.records.close()
        return [json.loads(line) for line in self.file.read_text().splitlines()]


@pytest.fixture
async def log(tmp_path: Path) -> AsyncIterator[Written]:
    written = Written(tmp_path / "access.jsonl")
    yield written
    written.records.close()


async def status(request: Any) -> int:
    async with request as reply:
        await reply.read()
        return int(reply.status)


async def test_what_a_request_used_is_there_and_nothing_that_it_said(start, log: Written) -> None:
    gateway = await start(terms=log.terms(), api_key=SECRET)
    gateway.http.headers["authorization"] = f"Bearer {SECRET}"
    picture = base64.b64encode(encode_png(make_scene("log", things=1))).decode()
    url = {"url": f"data:image/png;base64,{picture}"}
    content = [{"type": "image_url", "image_url": url}, {"type": "text", "text": SECRET}]
    body = {"model": "both", "messages": [{"role": "user", "content": content}], "user": SECRET}
    url = f"{gateway.url}/v1/chat/completions?key={SECRET}"
    assert await status(gateway.http.post(url, json=body)) == 200
    assert await status(gateway.http.post(url, json={**body, "stream": True})) == 200
    whole, stream = log.lines()
    assert SECRET not in log.file.read_text()
    assert picture[:40] not in log.file.read_text()
    for line in (whole, stream):
        assert [*line] == ["time", *ENTRY[1:]]
        assert line["time"].endswith("Z")
        assert line["id"].startswith("req_")
        assert (line["key"], line["peer"], line["method"]) == ("settings", "127.0.0.1", "POST")
        assert (line["path"], line["model"]) == ("/v1/chat/completions", "both")
        assert (line["status"], line["images"], line["left"], line["error"]) == (200, 1, False, None)
        assert line["prompt_tokens"] == USAGE["prompt_tokens"]
        assert line["completion_tokens"] == USAGE["completion_tokens"]
    assert whole["ttft_ms"] is None
    assert 0 < stream["ttft_ms"] <= stream["ms"]


REFUSED: dict[str, tuple[Callable[[Any], Awaitable[int]], int, str]] = {
    "no JSON": (lambda g: status(g.http.post(f"{g.url}/v1/chat/completions", data=b"")), 415, "unsup"),
    "empty": (lambda g: status(g.http.post(f"{g.url}/v1/chat/completions", json={})), 400, "invalid_request"),
    "no model": (lambda g: status(g.post("hello", model=SECRET)), 404, "model_not_found"),
    "no path": (lambda g: status(g.http.get(f"{g.url}/nothing")), 404, "not_found"),
    "wrong method": (lambda g: status(g.http.delete(f"{g.url}/health")), 405, "method_not_allowed"),
    "other host": (
        lambda g: status(g.http.get(f"{g.url}/health", headers={"host": "evil"})),
        403,
        "host_not_",
    ),
    "too large": (lambda g: status(g.post("x" * 9000)), 413, "request_too_large"),
    "dead engine": (lambda g: status(g.post("die")), 502, "engine_died"),
}


async def test_whatever_refuses_a_request_its_line_says_why(start, log: Written) -> None:
    gateway = await start(terms=log.terms(), limits=Limits(body_bytes=8000))
    for name, (ask, expected, _) in REFUSED.items():
        assert await ask(gateway) == expected, name
    for line, (_, expected, code) in zip(log.lines(), REFUSED.values(), strict=True):
        assert line["status"] == expected
        assert line["error"].startswith(code)
    assert SECRET not in log.file.read_text()


async def test_a_wrong_key_is_one_line_each_and_one_event(start, log: Written) -> None:
    gateway = await start(terms=log.terms(), api_key="right")
    for _ in range(20):
        headers = {"authorization": f"Bearer {SECRET}"}
        assert await status(gateway.http.get(f"{gateway.url}/v1/models", headers=headers)) == 401
    lines = log.lines()
    assert [(line["status"], line["error"], line["key"]) for line in lines] == [
        (401, "invalid_api_key", None)
    ] * 20
    first, rest = log.events.recent
    assert (first.details["code"], first.details["count"]) == ("invalid_api_key", 1)
    assert (rest.details["count"], rest.details["peers"]) == (19, ["127.0.0.1"])
    assert SECRET not in log.file.read_text()


async def test_what_is_no_request_and_a_connection_too_many_are_there(start, log: Written) -> None:
    gateway = await start(terms=log.terms(connections=1))
    await exchange(gateway, MALFORMED["words"])
    waiting = asyncio.create_task(status(gateway.post("wait")))
    while not gateway.engine.asked:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    refused = await exchange(gateway, b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert b" 503 " in refused.partition(b"\r\n")[0]
    gateway.engine.proceed.set()
    assert await waiting == 200
    malformed, full, whole = log.lines()
    assert (malformed["status"], malformed["method"], malformed["peer"]) == (400, None, "127.0.0.1")
    assert (full["status"], full["error"], full["path"]) == (503, "overloaded", "/health")
    assert whole["status"] == 200
    assert {event.details["code"] for event in log.events.recent} == {malformed["error"], "overloaded"}


async def test_a_client_that_left_and_a_stream_that_broke_are_told_apart(start, log: Written) -> None:
    gateway = await start(terms=log.terms())
    left = asyncio.create_task(status(gateway.post("wait")))
    while not gateway.engine.asked:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    left.cancel()
    await gateway.engine.abandoned.wait()
    assert await status(gateway.post("die in the middle", stream=True)) == 200
    first, second = log.lines()
    assert (first["status"], first["left"]) == (499, True)
    assert (second["status"], second["left"], second["error"]) == (200, False, "engine_died")
    assert second["completion_tokens"] >= 1


class StuckReader:
    """Standard output whose reader does not read, until it does."""

    def __init__(self) -> None:
        self.reads = threading.Event()
        self.data = b""

    def write(self, data: bytes) -> bool:
        self.reads.wait()
        self.data += data
        return True

    def reopen(self) -> None: ...

    def close(self) -> None: ...


def test_a_reader_that_stopped_reading_costs_lines_and_never_a_request() -> None:
    reader = StuckReader()
    log = AccessLog(reader)
    number = 3 * KEPT_ENTRIES
    for _ in range(number):
        log.add({"at_s": 0.0, "id": "one"})
    reader.reads.set()
    log.close()
    lines = [json.loads(line) for line in reader.data.splitlines()]
    lost = sum(line.get("lost", 0) for line in lines)
    assert lost >= KEPT_ENTRIES
    assert lost + sum("id" in line for line in lines) == number
