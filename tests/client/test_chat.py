"""The client against real servers, on a Unix socket and on TCP."""

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.client.wires import END, HEAD, chunk, piece, request_of, wire
from viewfinder.client.chat import CHAT_PATH, ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.client.exchange import Exchange
from viewfinder.core.errors import EngineDied, EngineRefused, EngineStalled

GAP_S = 0.03


@dataclass
class Engine:
    """A small OpenAI-like server whose behaviour `messages[0].content` chooses."""

    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    abandoned: asyncio.Event = field(default_factory=asyncio.Event)

    async def chat(self, request: Request) -> Response:
        body = await request.json()
        self.requests.append(body)
        self.asked.set()
        self.headers.append(dict(request.headers))
        order = body["messages"][0]["content"]
        if order == "refuse":
            return JSONResponse({"error": {"message": "no\n\x1b[31mway", "type": "x"}}, 400)
        if order == "error in a 200":
            return JSONResponse({"error": {"code": 503, "message": "busy"}})
        if order == "text":
            return Response("<html>", media_type="text/html")
        if not body["stream"]:
            return JSONResponse({"choices": [{"message": {"content": "whole"}}]})
        return StreamingResponse(self.words(order), media_type="text/event-stream")

    async def words(self, order: str) -> AsyncIterator[str]:
        try:
            yield ": ping\n\n"
            yield chunk({"role": "assistant", "content": None})
            for word in ("A ", "réd ", "circle."):
                await asyncio.sleep(GAP_S)
                yield chunk({"content": word})
                if order == "error in the stream":
                    yield 'data: {"error": {"code": 500, "message": "it broke"}}\n\n'
                    return
                if order == "end early":
                    return
                if order == "hang":
                    await asyncio.sleep(60)
            yield chunk({}, finish_reason="stop", timings={"predicted_n": 4})
            yield 'data: {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 4}}\n\n'
            yield "data: [DONE]\n\n"
        except (asyncio.CancelledError, GeneratorExit):
            self.abandoned.set()
            raise


@asynccontextmanager
async def listening(engine: Engine, bound: socket.socket) -> AsyncIterator[None]:
    app = Starlette(
        routes=[
            Route(CHAT_PATH, engine.chat, methods=["POST"]),
            Route("/health", lambda _: JSONResponse({"status": "ok"})),
        ]
    )
    config = uvicorn.Config(app, ws="none", lifespan="off", log_level="error")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[bound]))
    try:
        yield
    finally:
        server.should_exit = server.force_exit = True
        await serving


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture(params=["unix", "tcp"])
async def endpoint(request: pytest.FixtureRequest, engine: Engine, tmp_path: Path) -> AsyncIterator[Endpoint]:
    if request.param == "unix":
        bound = socket.socket(socket.AF_UNIX)
        bound.bind(str(tmp_path / "e.sock"))
        address = Endpoint("http://engine", tmp_path / "e.sock")
    else:
        bound = socket.create_server(("127.0.0.1", 0))
        address = Endpoint(f"http://127.0.0.1:{bound.getsockname()[1]}", api_key=SecretStr("key"))
    bound.listen()
    async with listening(engine, bound):
        yield address


def ask(order: str) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": order}], "max_tokens": 9}


async def test_get(endpoint: Endpoint) -> None:
    async with ChatClient(endpoint) as client:
        assert await client.get("/health", 5.0) == (200, b'{"status":"ok"}')
        assert (await client.get("/nothing", 5.0))[0] == 404


async def test_whole_reply(endpoint: Endpoint, engine: Engine) -> None:
    async with ChatClient(endpoint) as client:
        reply = await client.complete(ask("hello"))
    assert reply["choices"][0]["message"]["content"] == "whole"
    assert engine.requests == [{**ask("hello"), "stream": False}]
    assert engine.headers[0].get("authorization") == ("Bearer key" if endpoint.api_key else None)


async def test_the_model_is_called_by_its_servers_name(endpoint: Endpoint, engine: Engine) -> None:
    async with ChatClient(replace(endpoint, model="/weights/of/it")) as client:
        await client.complete(ask("hello"))
    assert engine.requests[-1]["model"] == "/weights/of/it"


async def test_stream_gives_the_chunks_as_they_were(endpoint: Endpoint) -> None:
    async with ChatClient(endpoint) as client:
        chunks = [chunk async for chunk in client.stream(ask("hello"))]
    deltas = [chunk["choices"][0]["delta"].get("content") for chunk in chunks if chunk["choices"]]
    assert deltas == [None, "A ", "réd ", "circle.", None]
    assert chunks[-1]["usage"]["completion_tokens"] == 4


async def test_exchange_stamps_each_piece(endpoint: Endpoint, engine: Engine) -> None:
    async with ChatClient(endpoint) as client:
        before_s = time.monotonic()
        exchange = await client.exchange(ask("hello"))
        after_s = time.monotonic()
    assert (exchange.text, exchange.error, exchange.finish_reason) == ("A réd circle.", "", "stop")
    assert (exchange.prompt_tokens, exchange.completion_tokens) == (7, 4)
    assert exchange.timings == {"predicted_n": 4}
    assert engine.requests[0]["stream_options"] == {"include_usage": True}
    assert exchange.first_byte_s is not None
    assert exchange.first_token_s is not None
    assert exchange.last_token_s is not None
    stamps = [before_s, exchange.started_s, exchange.first_byte_s, *exchange.token_times_s]
    stamps += [exchange.last_token_s, exchange.finished_s, after_s]
    assert stamps == sorted(stamps)
    assert len(exchange.token_times_s) == 3
    assert exchange.first_token_s - exchange.first_byte_s >= 0.9 * GAP_S, "a ping and a role are no text"
    assert min(exchange.itl_s) >= 0.5 * GAP_S


@pytest.mark.parametrize(
    ("order", "status", "words"),
    [
        ("refuse", 400, "no [31mway"),
        ("error in a 200", 503, "busy"),
        ("error in the stream", 500, "it broke"),
        ("text", 200, "not JSON"),
    ],
)
async def test_refusals_are_named(endpoint: Endpoint, order: str, status: int, words: str) -> None:
    async with ChatClient(endpoint) as client:
        with pytest.raises(EngineRefused, match=r".") as caught:
            async for _ in client.stream(ask(order)):
                pass
        assert caught.value.status == status
        assert words in caught.value.message
        exchange = await client.exchange(ask(order))
        assert exchange.error == f"engine_refused: {caught.value.message}"


async def test_refusal_of_a_whole_reply(endpoint: Endpoint) -> None:
    async with ChatClient(endpoint) as client:
        with pytest.raises(EngineRefused, match="busy"):
            await client.complete(ask("error in a 200"))


async def test_an_answer_without_an_end_is_a_death(endpoint: Endpoint) -> None:
    async with ChatClient(endpoint) as client:
        exchange = await client.exchange(ask("end early"))
    assert exchange.text == "A ", "what came before is kept"
    assert exchange.error.startswith("engine_died")


async def test_closing_the_stream_stops_the_engine(endpoint: Endpoint, engine: Engine) -> None:
    async with ChatClient(endpoint) as client:
        async with aclosing(client.stream(ask("hang"))) as chunks:
            await anext(chunks)
        await asyncio.wait_for(engine.abandoned.wait(), 5.0)


async def test_exchange_ends_after_its_timeout(endpoint: Endpoint, engine: Engine) -> None:
    async with ChatClient(endpoint) as client:
        exchange = await client.exchange(ask("hang"), timeout_s=0.2)
        assert exchange.error.startswith("timeout:")
        assert exchange.text == "A "
        await asyncio.wait_for(engine.abandoned.wait(), 5.0)
        assert (await client.get("/health", 5.0))[0] == 200, "the client is still usable"


async def test_silence_is_a_stall(endpoint: Endpoint) -> None:
    async with ChatClient(endpoint, stall_timeout_s=0.3) as client:
        with pytest.raises(EngineStalled):
            async for _ in client.stream(ask("hang")):
                pass


async def test_cancelling_an_exchange_is_not_swallowed(endpoint: Endpoint, engine: Engine) -> None:
    async with ChatClient(endpoint) as client:
        task = asyncio.create_task(client.exchange(ask("hang")))
        await asyncio.wait_for(engine.asked.wait(), 5.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_server_with_one_slot_gets_one_request_at_a_time(endpoint: Endpoint, engine: Engine) -> None:
    async with ChatClient(replace(endpoint, slots=1)) as client:
        asked = [asyncio.create_task(client.exchange(ask(order))) for order in ("hang", "second", "third")]
        await asyncio.wait_for(engine.asked.wait(), 5.0)
        assert (await client.get("/health", 5.0))[0] == 200, "who looks after it does not wait"
        asked[1].cancel()
        asked[0].cancel()
        assert (await asked[2]).text == "A réd circle."
    assert [request["messages"][0]["content"] for request in engine.requests] == ["hang", "third"]


async def test_a_request_that_waits_for_a_stopped_server_fails(endpoint: Endpoint, engine: Engine) -> None:
    async with ChatClient(replace(endpoint, slots=1)) as client:
        asked = [asyncio.create_task(client.exchange(ask("hang"))) for _ in range(2)]
        await asyncio.wait_for(engine.asked.wait(), 5.0)
        await client.close()
        assert [(await each).error.split(":")[0] for each in asked] == ["engine_died", "engine_died"]


async def test_a_stream_from_a_stopped_server_fails(endpoint: Endpoint) -> None:
    """aiohttp, once the client here, did not wake a reader of the rest of a chunked reply: the request
    hung, and its lease with it, so that the watch over silence ended one innocent process after the other."""
    async with ChatClient(endpoint) as client, aclosing(client.stream(ask("hang"))) as chunks:
        while not (await anext(chunks))["choices"][0]["delta"].get("content"):
            pass
        rest = asyncio.create_task(anext(chunks))
        await asyncio.sleep(0)
        await client.close()
        with pytest.raises(EngineDied):
            await asyncio.wait_for(rest, 5.0)


async def test_nobody_listens(tmp_path: Path) -> None:
    for place in (
        Endpoint("http://engine", tmp_path / "none.sock"),
        Endpoint(f"http://127.0.0.1:{free_port()}"),
    ):
        async with ChatClient(place) as client:
            with pytest.raises(EngineDied, match="Nothing listens"):
                await client.get("/health", 5.0)
            assert (await client.exchange(ask("hello"))).error.startswith("engine_died")


async def test_a_server_that_closes_a_connection_it_promised_to_keep(tmp_path: Path) -> None:
    """llama.cpp's server announces keep-alive and closes after each streamed reply: every second request
    failed at once, as if the engine had died."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        keep = HEAD[:-2] + b"Keep-Alive: timeout=5, max=100\r\n\r\n"
        writer.write(keep + piece(chunk({"content": "yes"})) + END)
        await writer.drain()

    async with wire(tmp_path / "w.sock", handler) as place, ChatClient(place) as client:
        exchanges = [await client.exchange(ask("hello")) for _ in range(20)]
    assert [(exchange.text, exchange.error) for exchange in exchanges] == [("yes", "")] * 20


@pytest.mark.parametrize(
    "sent", [b"", HEAD, HEAD + piece(chunk({"content": "A "}))], ids=["none", "head", "word"]
)
async def test_death_before_and_in_the_answer(tmp_path: Path, sent: bytes) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(sent)
        await writer.drain()
        writer.transport.abort()

    async with wire(tmp_path / "w.sock", handler) as place, ChatClient(place) as client:
        with pytest.raises(EngineDied):
            async for _ in client.stream(ask("hello")):
                pass
        exchange: Exchange = await client.exchange(ask("hello"))
        assert exchange.error.startswith("engine_died")


async def test_a_server_that_stays_on_the_line_after_done(tmp_path: Path) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(HEAD + piece(chunk({"content": "yes"})) + END[:-5])
        await reader.read()

    async with wire(tmp_path / "w.sock", handler) as place, ChatClient(place) as client:
        exchange = await client.exchange(ask("hello"))
    assert (exchange.text, exchange.error) == ("yes", "")
    assert exchange.e2e_s < 5.0, "[DONE] is the end"


async def test_a_split_character_is_whole(tmp_path: Path) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        event = f"data: {json.dumps({'choices': [{'delta': {'content': 'ré'}}]}, ensure_ascii=False)}\n\n"
        data = event.encode()
        cut = data.index("é".encode()) + 1
        writer.write(HEAD + b"%x\r\n%b\r\n" % (cut, data[:cut]))
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(b"%x\r\n%b\r\n" % (len(data) - cut, data[cut:]) + END)

    async with wire(tmp_path / "w.sock", handler) as place, ChatClient(place) as client:
        assert (await client.exchange(ask("hello"))).text == "ré"


ODD = (
    {"choices": [{"delta": "words"}]},
    {"choices": {"0": 1}},
    {"choices": [None], "usage": [1], "timings": "fast"},
    {"choices": [{"delta": {"content": ["A", "list"]}}]},
)


async def test_chunks_of_an_odd_shape_end_no_exchange(tmp_path: Path) -> None:
    odd = b"".join(piece(f"data: {json.dumps(chunk)}\n\n") for chunk in ODD)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(HEAD + odd + END)

    async with wire(tmp_path / "w.sock", handler) as place, ChatClient(place) as client:
        exchange = await client.exchange(ask("hello"))
    assert (exchange.text, exchange.error, exchange.prompt_tokens) == ("['A', 'list']", "", None)


@pytest.mark.parametrize("count", [True, False, "7", 7.0, -1, [7]])
async def test_what_is_no_token_count_is_none(tmp_path: Path, count: object) -> None:
    """`true` counted as one token, because Python's bool is an int; text and fractions passed as well."""
    usage = {"prompt_tokens": count, "completion_tokens": count}
    said = json.dumps({"choices": [], "usage": usage, "timings": {"prompt_n": True, "prompt_ms": 1.5}})

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(HEAD + piece(chunk({"content": "yes"})) + piece(f"data: {said}\n\n") + END)

    async with wire(tmp_path / "w.sock", handler) as place, ChatClient(place) as client:
        exchange = await client.exchange(ask("hello"))
    assert (exchange.error, exchange.prompt_tokens, exchange.completion_tokens) == ("", None, None)
    assert exchange.timings == {"prompt_ms": 1.5}


async def test_words_after_the_finish_reason_are_not_part_of_the_answer(tmp_path: Path) -> None:
    """No test failed when they were added to the text and to the time stamps of the tokens."""
    last = chunk({"content": "yes."}, finish_reason="stop")
    late = chunk({"content": " And more."}) + chunk({"content": "!"}, finish_reason="length")

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await request_of(reader)
        writer.write(HEAD + piece(chunk({"content": "Oh "})) + piece(last) + piece(late))
        writer.write(piece("data: [DONE]\n\n") + b"0\r\n\r\n")

    async with wire(tmp_path / "w.sock", handler) as place, ChatClient(place) as client:
        exchange = await client.exchange(ask("hello"))
    assert (exchange.text, exchange.error, len(exchange.token_times_s)) == ("Oh yes.", "", 2)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port: int = bound.getsockname()[1]
        return port
