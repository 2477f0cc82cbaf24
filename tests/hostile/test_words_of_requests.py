"""No file of the state folder ever holds a word of a request: logs, events, post-mortems, results, records.

Issue 13, row 10: llama.cpp prints the pattern of a schema, and post-mortems had its last lines.
"""

import asyncio
import base64
import contextlib
import io
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image, PngImagePlugin

from tests.faults.gateway import Gateway, gateway
from viewfinder.catalog.catalog import Catalog
from viewfinder.core import paths
from viewfinder.core.config import Settings
from viewfinder.core.errors import EngineDied, ViewfinderError
from viewfinder.fleet.record.request_shape import RequestShape
from viewfinder.host.output import LEFT_OUT, Output
from viewfinder.measure.store.store import Store

MARK = "Xylo7phone"
"""In no word of ours, and as good in a name as in a pattern."""


def picture() -> str:
    """A PNG with the mark in its text chunks, as a data URL."""
    data, info = io.BytesIO(), PngImagePlugin.PngInfo()
    info.add_text("Comment", f"comment {MARK}")
    Image.new("RGB", (32, 32), "red").save(data, "PNG", pnginfo=info)
    return "data:image/png;base64," + base64.b64encode(data.getvalue()).decode()


def text(content: object = f"text {MARK}") -> dict[str, Any]:
    return {"role": "user", "content": content}


def shown(url: str) -> dict[str, Any]:
    """A message with a picture."""
    parts = [{"type": "text", "text": f"part {MARK}"}, {"type": "image_url", "image_url": {"url": url}}]
    return {"messages": [text(parts)]}


def tool(**function: Any) -> dict[str, Any]:
    return {"tools": [{"type": "function", "function": {"name": f"tool_{MARK}", **function}}]}


def formatted(schema: dict[str, Any]) -> dict[str, Any]:
    named = {"name": f"name_{MARK}", "description": f"for {MARK}", "schema": schema}
    return {"response_format": {"type": "json_schema", "json_schema": named}}


CALL = {
    "id": f"call_{MARK}",
    "type": "function",
    "function": {"name": f"f_{MARK}", "arguments": f'{{"a": "{MARK}"}}'},
}
PROPERTY = {"type": "string", "description": f"about {MARK}", "default": MARK, "title": MARK}
ANSWERED: dict[str, dict[str, Any]] = {
    "text": {},
    "every role": {
        "messages": [
            {"role": "system", "content": f"system {MARK}", "name": MARK},
            text(),
            {"role": "assistant", "content": f"assistant {MARK}"},
            text(),
        ]
    },
    "parts and a picture": shown(picture()),
    "ignored fields": {"user": MARK, "metadata": {MARK: MARK}, "safety_identifier": MARK, "stop": [MARK]},
    "a tool": tool(description=f"does {MARK}", parameters={"type": "object", "properties": {MARK: PROPERTY}}),
    "a called tool": {
        "messages": [
            text(),
            {"role": "assistant", "tool_calls": [CALL]},
            {"role": "tool", "tool_call_id": f"call_{MARK}", "content": f"result {MARK}"},
            text(),
        ]
    },
    "names and values": formatted({"type": "object", "properties": {MARK: {"enum": [MARK, "b"]}}}),
    "a pattern": formatted({"type": "string", "pattern": f"^{MARK}[a-z]*$"}),
    "a pattern that the engine does not take": formatted({"type": "string", "pattern": rf"^\d{MARK}$"}),
    "a grammar that it cannot read": formatted({"type": "string", "pattern": f"^(|{MARK})*$"}),
    "a keyword that it does not know": formatted({"type": MARK, MARK: MARK}),
    "a format": formatted({"type": "string", "format": MARK}),
    "a schema of the wrong types": formatted({"type": "string", "minLength": 1, "format": {MARK: MARK}}),
    "more than its context": {"messages": [text(f"{MARK} " * 5000)]},
    "a control character": {"messages": [text(f"{MARK}\n\x1b[31m{MARK}\n0.00.000.000 I srv x: {MARK}\n")]},
}
REFUSED: dict[str, dict[str, Any]] = {
    "an unknown field": {f"field_{MARK}": MARK},
    "an unknown model": {"model": f"model-{MARK}"},
    "a wrong type": {"temperature": MARK},
    "a wrong role": {"messages": [{"role": MARK, "content": MARK}]},
    "a wrong picture": shown(f"data:image/png;base64,{MARK}"),
    "an address": shown(f"http://{MARK}.example/"),
    "a costly pattern": formatted({"type": "string", "pattern": f"^({MARK}?){{1000}}$"}),
}


@pytest.fixture
async def served() -> AsyncIterator[Gateway]:
    """All that `serve` has, with a file of results and a log of events."""
    Store(paths.results_file()).close()
    events = Output(paths.event_file())
    async with gateway(Catalog(), Settings(port=0)) as running:
        running.fleet.events.write_to(events)
        yield running
    events.close()


async def make_it_print(served: Gateway) -> None:
    """Ask the engine past the gateway, which sends it none of what it repeats."""
    fields = ("a pattern that the engine does not take", "a grammar that it cannot read")
    async with await served.fleet.acquire("glimpse", RequestShape(characters=9)) as lease:
        for name in fields:
            with contextlib.suppress(ViewfinderError):
                await lease.client.complete({"messages": [text()], "max_tokens": 4, **ANSWERED[name]})


async def test_no_file_holds_a_word_of_a_request(served: Gateway) -> None:
    home = paths.home()
    for fields in (*ANSWERED.values(), *REFUSED.values()):
        for stream in (False, True):
            await sent(served, stream=stream, **fields)
    await sent(served, raw=f'{{"model": "{MARK}", '.encode())
    await make_it_print(served)
    async with asyncio.timeout(20):  # it repeats something: otherwise this test shows nothing
        while LEFT_OUT not in log():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert marked(home) == []
    assert b"print_timing" in log(), "and its own figures are kept"


async def test_no_post_mortem_holds_a_word_of_a_request(served: Gateway) -> None:
    """The engine is killed while it has a request, right after it has printed parts of others."""
    home = paths.home()
    await make_it_print(served)
    async with await served.fleet.acquire("glimpse", RequestShape(characters=9)) as lease:
        pid = served.fleet.view().servers[0].pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        await lease.report(EngineDied("The connection broke."))
    deaths = list((home / "logs" / "deaths").glob("*.json"))
    assert deaths
    assert all(json.loads(file.read_text())["last_lines"] for file in deaths)
    assert marked(home) == []


async def sent(served: Gateway, *, raw: bytes = b"", **fields: Any) -> int:
    """The status of one request that has the mark in its address and headers, too."""
    body = {"model": "glimpse", "messages": [text()], "max_tokens": 8, **fields}
    headers = {"User-Agent": MARK, "X-Request-Id": MARK, "Content-Type": "application/json"}
    path = f"/v1/chat/completions?mark={MARK}"
    timeout = aiohttp.ClientTimeout(total=20)
    data = raw or json.dumps(body).encode()
    async with served.session.post(path, data=data, headers=headers, timeout=timeout) as reply:
        await reply.read()
        return reply.status


def log() -> bytes:
    return (paths.log_folder() / "glimpse.log").read_bytes()


def marked(home: Path) -> list[str]:
    """The files that hold the mark, as it is or encoded; and those that could not be read."""
    signs = list(spellings())
    files = [file for file in home.rglob("*") if file.is_file()]
    assert {"results.sqlite", "events.jsonl", "glimpse.log"} <= {file.name for file in files}
    return [file.name for file in files if any(sign in file.read_bytes().lower() for sign in signs)]


def spellings() -> Iterator[bytes]:
    yield MARK.lower().encode()
    yield MARK.encode("utf-16-le").lower()
    yield MARK.encode().hex().encode()
    for shift in range(3):  # base64, at each of its three borders
        yield base64.b64encode(bytes(shift) + MARK.encode())[4:12].lower()
