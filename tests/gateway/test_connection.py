"""One connection: every byte counts, what is not HTTP gets an error, and an answer does not wait for ever."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest

from viewfinder.core.config import Limits
from viewfinder.gateway import connection
from viewfinder.gateway.connection import HEADERS, PIPELINED, REQUEST_HEAD_BYTES, Terms

CHUNKED = (
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"


async def connect(gateway: Any) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    host, port = gateway.url.removeprefix("http://").rsplit(":", 1)
    return await asyncio.open_connection(host, int(port), limit=2**24)


async def exchange(gateway: Any, *parts: bytes) -> bytes:
    """What the gateway answers before it closes; sending ends when it no longer takes anything."""
    reader, writer = await connect(gateway)
    with contextlib.suppress(ConnectionError):
        for part in parts:
            writer.write(part)
            await asyncio.wait_for(writer.drain(), 5)
    answered = b""
    with contextlib.suppress(ConnectionError):
        while piece := await asyncio.wait_for(reader.read(2**16), 10):
            answered += piece
    writer.close()
    return answered


def error_of(answered: bytes) -> tuple[int, str]:
    head, _, body = answered.partition(b"\r\n\r\n")
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert b"connection: close" in head
    assert b"content-type: application/json" in head
    return int(head.split(b" ")[1]), error["code"]


def chat(words: str = "hello", **fields: Any) -> bytes:
    body = {"model": "both", "messages": [{"role": "user", "content": words}], **fields}
    data = json.dumps(body).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    return b"%bContent-Length: %d\r\n\r\n%b" % (head, len(data), data)


BODY = json.dumps({"model": "both", "messages": [{"role": "user", "content": "hello"}]}).encode()
ENDLESS = {
    "trailers": (CHUNKED + b"2\r\n{}\r\n0\r\n", b"x: y\r\n" * 10_000),
    "one trailer": (CHUNKED + b"2\r\n{}\r\n0\r\nx: ", b"y" * 60_000),
    "the name of a trailer": (CHUNKED + b"2\r\n{}\r\n0\r\n", b"y" * 60_000),
    "a chunk's extension": (CHUNKED + b"2;x=", b"y" * 60_000),
    "a chunk's size": (CHUNKED, b"0" * 60_000),
    "tiny chunks": (CHUNKED, b"1\r\n \r\n" * 10_000),
    "one header": (HEALTH + b"x: ", b"y" * 60_000),
    "headers": (HEALTH, b"x: y\r\n" * 10_000),
    "the path": (b"GET /", b"y" * 60_000),
    "the method": (b"", b"Y" * 60_000),
    "empty lines": (b"", b"\r\n" * 30_000),
}


@pytest.mark.parametrize(("start_with", "part"), ENDLESS.values(), ids=ENDLESS)
async def test_nothing_is_read_without_end(gateway, start_with: bytes, part: bytes) -> None:
    """Trailers filled the memory with 1,200 MB in 1.5 s, on one connection and without a key."""
    reader, writer = await connect(gateway)
    writer.write(start_with)
    sent = 0
    with contextlib.suppress(ConnectionError):
        async with asyncio.timeout(20):
            while sent < 20_000_000 and not reader.at_eof():
                writer.write(part)
                sent += len(part)
                await writer.drain()
                await asyncio.sleep(0)
    assert sent < 20_000_000, "taken without end"
    answered = b""
    with contextlib.suppress(ConnectionError):
        answered = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    if answered:
        status, code = error_of(answered)
        assert (status, code) in ((400, "invalid_http"), (431, "headers_too_large"))


@pytest.mark.parametrize(
    "head",
    [
        HEALTH + b"x: " + b"y" * (REQUEST_HEAD_BYTES + 4096) + b"\r\n\r\n",
        HEALTH + b"x: y\r\n" * (HEADERS + 1) + b"\r\n",
        b"GET /health?" + b"y" * REQUEST_HEAD_BYTES + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=["long", "many", "path"],
)
async def test_a_large_head_in_one_write(gateway, head: bytes) -> None:
    """A head of 70 KB passed the limit of 64 KiB, which was checked between two reads."""
    assert error_of(await exchange(gateway, head)) == (431, "headers_too_large")


async def test_what_honest_clients_send(gateway) -> None:
    large_head = HEALTH + b"cookie: " + b"y" * 30_000 + b"\r\n" + b"x: y\r\n" * 100
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in (BODY[:5], BODY[5:6], BODY[6:]))
    trailers = b"0\r\nchecksum: 12\r\nx: y\r\n\r\n"
    for parts in (
        [large_head + b"connection: close\r\n\r\n"],
        [CHUNKED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + chunks + trailers],
        [b"\r\n\r\n" + HEALTH + b"connection: close\r\n\r\n"],
    ):
        assert (await exchange(gateway, *parts)).startswith(b"HTTP/1.1 200"), parts


async def test_trailers_are_no_headers(gateway) -> None:
    """The next request on the connection does not get them either."""
    reader, writer = await connect(gateway)
    writer.write(CHUNKED + b"%x\r\n%b\r\n0\r\nhost: evil.example\r\n\r\n" % (len(BODY), BODY))
    assert b" 200 " in await asyncio.wait_for(reader.readline(), 10)
    writer.close()


MALFORMED = {
    "tls": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    "http/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "http/3.7": b"GET / HTTP/3.7\r\nHost: localhost\r\n\r\n",
    "words": b"hello, is this a telephone?\r\n\r\n",
    "no version": b"GET /health\r\n\r\n",
    "a path that is no text": b"GET /\xff\xfe HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a header without a name": HEALTH + b": y\r\n\r\n",
    "a folded header": HEALTH + b"x: y\r\n z\r\n\r\n",
    "a NUL in a header": HEALTH + b"x: y\0z\r\n\r\n",
    "a broken chunk": CHUNKED + b"zz\r\n",
    "two lengths": HEALTH + b"content-length: 1\r\ncontent-length: 2\r\n\r\n",
    "a length and chunks": CHUNKED.replace(b"\r\n\r\n", b"\r\ncontent-length: 3\r\n\r\n") + b"0\r\n\r\n",
    "a negative length": HEALTH + b"content-length: -1\r\n\r\n",
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
}


async def test_what_is_not_http_gets_an_error_and_no_line_of_log(gateway, caplog) -> None:
    answers = {name: error_of(await exchange(gateway, raw)) for name, raw in MALFORMED.items()}
    known = ((400, "invalid_http"), (403, "host_not_allowed"), (404, "not_found"))
    assert {name: answer for name, answer in answers.items() if answer not in known} == {}
    assert not caplog.records
    async with gateway.post("hello") as reply:
        assert reply.status == 200


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"TLS/1.0", b"x" * 8000])
async def test_an_offer_to_upgrade_is_ignored(gateway, protocol: bytes, caplog) -> None:
    """The body of Java's HttpClient was lost, which offers h2c with its first request."""
    offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: %b\r\nHTTP2-Settings: AAMAAABk\r\n" % protocol
    offered = chat().replace(b"Content-Length", offer + b"Content-Length")
    last = HEALTH + offer.replace(b"Upgrade,", b"Upgrade, close,") + b"\r\n"
    answered = await exchange(gateway, offered, offered + chat(), last)
    assert [answered.count(words) for words in (b"HTTP/1.1 200 OK", b"circle.", b"1.2.3")] == [4, 3, 1]
    assert not caplog.records


async def test_a_client_of_http_2_is_told_what_to_do(gateway) -> None:
    answered = await exchange(gateway, MALFORMED["http/2"])
    assert error_of(answered) == (400, "invalid_http")
    assert b"speaks HTTP/2, and this server HTTP/1.1." in answered


async def test_what_follows_a_whole_request_does_not_spoil_its_answer(gateway) -> None:
    reader, writer = await connect(gateway)
    writer.write(chat("wait") + b"\x00\x01 no request\r\n\r\n")
    await asyncio.sleep(0.1)
    gateway.engine.proceed.set()
    answered = await asyncio.wait_for(reader.read(), 10)
    assert answered.startswith(b"HTTP/1.1 200")
    assert b"circle." in answered
    assert b"invalid_http" not in answered
    writer.close()


async def test_requests_are_answered_in_order(gateway) -> None:
    raw = (HEALTH + b"\r\n") * (PIPELINED - 1) + HEALTH + b"connection: close\r\n\r\n"
    assert (await exchange(gateway, raw)).count(b"HTTP/1.1 200") == PIPELINED


async def test_endless_requests_before_the_first_answer(gateway) -> None:
    reader, writer = await connect(gateway)
    writer.write(chat("wait") + (HEALTH + b"\r\n") * 100)
    await asyncio.sleep(0.1)
    gateway.engine.proceed.set()
    answered = await asyncio.wait_for(reader.read(), 10)
    assert answered.count(b"HTTP/1.1 200") == 1 + PIPELINED
    writer.close()


# Clients that do not read


class Talkative:
    """An engine's client whose answer has this many pieces of 20 kB."""

    def __init__(self, gateway: Any, pieces: int = 100_000) -> None:
        self.endpoint = gateway.fleet.client.endpoint
        self.pieces = pieces

    def for_lease(self, _shape: Any) -> "Talkative":
        return self

    def answered(self, _answer_id: str) -> None:
        pass

    async def stream(self, _body: dict[str, Any], _path: str) -> AsyncIterator[dict[str, Any]]:
        for _ in range(self.pieces):
            yield {"choices": [{"delta": {"content": "x" * 20_000}, "finish_reason": None}]}
            await asyncio.sleep(0)
        yield {"choices": [{"delta": {}, "finish_reason": "stop"}]}

    async def complete(self, _body: dict[str, Any], _path: str) -> dict[str, Any]:
        message = {"role": "assistant", "content": "x" * 12_000_000}
        return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


@contextlib.asynccontextmanager
async def one_who_does_not_read(gateway: Any, raw: bytes) -> AsyncIterator[socket.socket]:
    """A client that sent this, and whose request the engine has got."""
    host, port = gateway.url.removeprefix("http://").rsplit(":", 1)
    with socket.create_connection((host, int(port))) as client:
        client.setblocking(False)
        await asyncio.get_running_loop().sock_sendall(client, raw)
        async with asyncio.timeout(20):
            while not gateway.fleet.loads:  # noqa: ASYNC110 - another program, which sets no event
                await asyncio.sleep(0.01)
            yield client


async def rest_of(client: socket.socket) -> int:
    """The bytes that are still read until the connection is closed."""
    received = 0
    with contextlib.suppress(ConnectionError):
        while piece := await asyncio.get_running_loop().sock_recv(client, 2**20):
            received += len(piece)
    return received


@pytest.mark.parametrize("read_bytes", [0, 100], ids=["nothing", "a little"])
async def test_a_client_that_does_not_read_loses_its_lease(start, read_bytes: int) -> None:
    """Two of them held both slots of the engine for ever."""
    gateway = await start(limits={"delivery_timeout_s": 0.5})
    gateway.fleet.client = Talkative(gateway)
    async with one_who_does_not_read(gateway, chat(stream=True, max_tokens=16_000)) as client:
        while gateway.fleet.leases:
            if read_bytes:
                with contextlib.suppress(BlockingIOError):
                    client.recv(read_bytes)
            await asyncio.sleep(0.02)
        await rest_of(client)


async def test_limits_of_connections_change_while_they_are_open(start) -> None:
    """They applied at the next start only, and a reload said that they were in force."""
    terms = Terms.of(Limits(), drain_s=1)
    gateway = await start(terms=terms)
    gateway.fleet.client = Talkative(gateway)
    async with one_who_does_not_read(gateway, chat(stream=True, max_tokens=16_000)) as client:
        assert gateway.fleet.leases
        terms.limit(Limits(delivery_timeout_s=0.2, connections_per_address=1), drain_s=1)
        reader, writer = await connect(gateway)
        writer.write(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await asyncio.wait_for(reader.readline(), 10)).startswith(b"HTTP/1.1 503")
        writer.close()
        async with asyncio.timeout(10):
            while gateway.fleet.leases:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await rest_of(client)


async def test_an_engine_does_not_wait_for_a_slow_reader(gateway) -> None:
    gateway.fleet.client = Talkative(gateway, pieces=400)
    async with one_who_does_not_read(gateway, chat(stream=True, max_tokens=16_000)) as client:
        while gateway.fleet.leases:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        while not (await asyncio.get_running_loop().sock_recv(client, 2**20)).endswith(b"0\r\n\r\n"):
            pass  # all of it is there


async def test_all_answers_that_are_not_read_have_one_limit(start, monkeypatch) -> None:
    monkeypatch.setattr(connection, "ALL_UNREAD_BYTES", 15_000_000)
    gateway = await start()
    gateway.fleet.client = Talkative(gateway)
    raw = chat().replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(one_who_does_not_read(gateway, raw)) for _ in range(3)]
        await asyncio.sleep(0.5)
        read = await asyncio.gather(*map(rest_of, clients))
    assert [received > 12_000_000 for received in sorted(read)] == [False, False, True]


async def test_nor_is_a_whole_answer_kept_for_ever(start) -> None:
    gateway = await start(limits={"delivery_timeout_s": 0.3})
    gateway.fleet.client = Talkative(gateway)
    reader, writer = await connect(gateway)
    writer.transport.pause_reading()
    writer.write(chat())
    await asyncio.sleep(1.5)
    assert gateway.fleet.leases == 0
    writer.transport.resume_reading()
    answered = b""
    with contextlib.suppress(ConnectionError):
        while piece := await asyncio.wait_for(reader.read(2**20), 10):
            answered += piece
    assert len(answered) < 12_000_000
    writer.close()


async def test_a_slow_reader_gets_all_of_it(start) -> None:
    gateway = await start(limits={"delivery_timeout_s": 5})
    gateway.fleet.client = Talkative(gateway)
    reader, writer = await connect(gateway)
    writer.write(chat())
    await asyncio.sleep(1)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    received = 0
    while received < length:
        received += len(await asyncio.wait_for(reader.read(2**20), 10))
        await asyncio.sleep(0.02)
    assert received == length
    writer.close()


# Too many connections


async def test_idle_connections_make_room(start) -> None:
    gateway = await start(limits={"connections": 8})
    idle = [await connect(gateway) for _ in range(20)]
    kept = gateway.http
    for _ in range(3):
        async with kept.get(f"{gateway.url}/health") as reply:
            assert reply.status == 200
    closed = 0
    for reader, _ in idle:
        with contextlib.suppress(TimeoutError):
            closed += await asyncio.wait_for(reader.read(), 0.05) == b""
    assert 12 <= closed <= 14
    for _, writer in idle:
        writer.close()


@pytest.mark.parametrize("limits", [{"connections": 4}, {"connections_per_address": 4}])
async def test_beyond_the_limit_is_503(start, limits: dict[str, int], caplog) -> None:
    gateway = await start(limits=limits)
    busy = [asyncio.create_task(read(gateway, "wait")) for _ in range(4)]
    async with asyncio.timeout(10):
        while len(gateway.engine.asked) < 4:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    for raw in (HEALTH + b"\r\n", chat()):
        answered = await exchange(gateway, raw)
        assert error_of(answered) == (503, "overloaded")
        assert b"retry-after: 1" in answered
    gateway.engine.proceed.set()
    assert {status for status, _ in await asyncio.gather(*busy)} == {200}
    async with gateway.http.get(f"{gateway.url}/health") as reply:
        assert reply.status == 200
    refused = [record for record in caplog.records if "Connections are refused" in record.message]
    assert len(refused) <= 1


async def read(gateway: Any, order: str) -> tuple[int, str]:
    async with gateway.post(order) as reply:
        return reply.status, await reply.text()


async def test_an_engine_is_not_at_fault_for_a_lack_of_descriptors(gateway, monkeypatch) -> None:
    """The connection to it failed, so it was restarted."""
    from viewfinder.client import http

    def none_left(*_: Any) -> SimpleNamespace:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(http, "_over_socket", none_left)
    async with gateway.post("hello") as reply:
        assert reply.status == 503
        assert (await reply.json())["error"]["code"] == "overloaded"
    assert (gateway.fleet.reported, gateway.fleet.leases) == ([], 0)
