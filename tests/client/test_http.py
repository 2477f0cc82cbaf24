"""Replies as a server may send them: in pieces, badly cut, too large, or not in HTTP at all."""

import asyncio
import json
import ssl
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from tests.client.wires import HEAD, Handler, chunk, piece, request_of, wire
from viewfinder.client import http
from viewfinder.client.chat import REPLY_AT_ONCE_BYTES, ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.core.errors import EngineDied, EngineRefused, EngineStalled
from viewfinder.wire.long_text import LongText

Reader, Writer = asyncio.StreamReader, asyncio.StreamWriter
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LARGE = 40 * 1024 * 1024


def says(*sent: bytes, gap_s: float = 0.0) -> Handler:
    """A server that sends these pieces to any request, and closes."""

    async def handler(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for data in sent:
            writer.write(data)
            await writer.drain()
            await asyncio.sleep(gap_s)

    return handler


@pytest.mark.parametrize(
    "sent",
    [
        [PLAIN + b"Content-Length: 2\r\n\r\n{}"],
        [PLAIN + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"],
        [PLAIN + b"\r\n{}"],  # to the connection's end
        [bytes([byte]) for byte in PLAIN + b"Content-Length: 2\r\n\r\n{}"],
        [PLAIN + b"Content-Length: 2\r\n\r\n{}and more"],
        [b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + PLAIN + b"Content-Length: 2\r\n\r\n{}"],
    ],
    ids=["length", "chunks", "end", "bytes", "more", "hints"],
)
async def test_a_reply_split_anywhere_is_whole(tmp_path: Path, sent: list[bytes]) -> None:
    async with wire(tmp_path / "w", says(*sent)) as place, ChatClient(place) as client:
        assert await client.get("/health", 5.0) == (200, b"{}")


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"", "broke"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * http.HEAD_BYTES + b"xx", "does not speak HTTP"),
        (PLAIN + b"Content-Length: 5\r\n\r\n{}", "broke"),
        (PLAIN + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n", "broke"),
        (PLAIN + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", "not speak HTTP"),
    ],
    ids=["nothing", "another protocol", "endless head", "short", "no last chunk", "no chunk", "upgrade"],
)
async def test_what_is_no_reply_is_a_death_with_its_reason(tmp_path: Path, sent: bytes, words: str) -> None:
    async with wire(tmp_path / "w", says(sent)) as place, ChatClient(place) as client:
        with pytest.raises(EngineDied, match=words):
            await client.get("/health", 5.0)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:99999", "http://[::1", "http://:80", "http://nowhere.invalid"]
)
async def test_at_an_address_that_is_none_nothing_listens(url: str) -> None:
    async with ChatClient(Endpoint(url)) as client:
        with pytest.raises(EngineDied, match="Nothing listens"):
            await client.get("/health", 5.0)


async def test_a_redirect_is_a_refusal_and_is_not_followed(tmp_path: Path) -> None:
    away = b"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n"
    async with wire(tmp_path / "w", says(away)) as place, ChatClient(place) as client:
        with pytest.raises(EngineRefused) as refused:
            await client.complete({"messages": []})
    assert refused.value.status == 307


async def test_an_endless_reply_is_not_read_to_its_end(tmp_path: Path) -> None:
    async def handler(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(PLAIN + b"\r\n")
        with suppress(ConnectionError):
            while True:
                writer.write(b" " * 65536)
                await writer.drain()

    async with wire(tmp_path / "w", handler) as place, ChatClient(place) as client:
        with pytest.raises(EngineRefused, match="larger than"):
            await client.get("/health", 5.0)


async def test_a_slow_reader_slows_the_server_and_is_not_called_silent(tmp_path: Path) -> None:
    sent = 0

    async def handler(reader: Reader, writer: Writer) -> None:
        nonlocal sent
        await request_of(reader)
        writer.write(HEAD)
        event = piece(chunk({"content": 8192 * "x"}))
        while sent < LARGE:
            writer.write(event)
            sent += len(event)
            await writer.drain()
        writer.write(piece(chunk({}, finish_reason="stop")) + b"0\r\n\r\n")

    async with (
        wire(tmp_path / "w", handler) as place,
        ChatClient(place, stall_timeout_s=0.2) as client,
    ):
        chunks = client.stream({"messages": []})
        await anext(chunks)
        await asyncio.sleep(0.5)
        assert sent < LARGE / 4, "it was read ahead of who reads it"
        assert len([chunk async for chunk in chunks]) > LARGE / 8300 - 2


LONG = LongText(tuple(bytes([65 + at]) * 2**20 for at in range(20)))
BODY = {"messages": [{"role": "user", "content": LONG}, {"role": "user", "content": "and é"}]}


async def test_a_large_request_is_sent_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It was copied four times: one of 60 MB held up the event loop for 150 ms."""
    bodies, written = [], []
    send_more = http.Reply._send_more

    def noted(reply: http.Reply) -> None:
        send_more(reply)
        written.append(reply._transport.get_write_buffer_size())

    async def handler(reader: Reader, writer: Writer) -> None:
        bodies.append(json.loads(await request_of(reader)))
        writer.write(PLAIN + b"Content-Length: 2\r\n\r\n{}")

    monkeypatch.setattr(http.Reply, "_send_more", noted)
    async with wire(tmp_path / "w", handler) as place, ChatClient(place) as client:
        assert await client.complete(BODY) == {}
    assert [message["content"] for message in bodies[0]["messages"]] == [str(LONG), "and é"]
    assert len(written) > 20
    assert max(written) <= http.SENT_AT_ONCE_BYTES + 64 * 1024


@pytest.mark.parametrize("answers", [True, False])
async def test_a_server_that_does_not_read_a_large_request(tmp_path: Path, answers: bool) -> None:
    async def handler(reader: Reader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\n{}" if answers else b"")

    async with wire(tmp_path / "w", handler) as place, ChatClient(place) as client:
        with pytest.raises(EngineRefused if answers else EngineDied):
            await client.complete(BODY)


async def test_silence_inside_the_headers_is_a_stall(tmp_path: Path) -> None:
    async def handler(reader: Reader, writer: Writer) -> None:
        writer.write(PLAIN)
        await reader.read()

    async with wire(tmp_path / "w", handler) as place, ChatClient(place, stall_timeout_s=0.1) as client:
        with pytest.raises(EngineStalled, match="went silent"):
            await client.complete({"messages": []})


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_every_request_declines_compressed_replies(tmp_path: Path, method: str) -> None:
    """The client decompresses no reply, so servers must know; no test failed when the header was missing."""
    heads: list[bytes] = []

    async def handler(reader: Reader, writer: Writer) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(PLAIN + b"Content-Length: 2\r\n\r\n{}")

    async with wire(tmp_path / "w", handler) as place, ChatClient(place) as client:
        await (client.get("/health", 5.0) if method == "GET" else client.complete({"messages": []}))
    accepted = [line for line in heads[0].split(b"\r\n") if line.lower().startswith(b"accept-encoding:")]
    assert accepted == [b"Accept-Encoding: identity"]


@pytest.fixture
def authority(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[trustme.CA]:
    """The only trusted certificate."""
    one = trustme.CA()
    one.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    http._tls.cache_clear()
    yield one
    http._tls.cache_clear()


@pytest.mark.parametrize("name", ["localhost", "elsewhere.example"])
async def test_https_asks_for_a_valid_certificate(authority: trustme.CA, name: str) -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    answers = says(PLAIN + b"Content-Length: 2\r\n\r\n{}")

    async def serve(reader: Reader, writer: Writer) -> None:
        await answers(reader, writer)
        writer.close()

    async with await asyncio.start_server(serve, "localhost", 0, ssl=context) as server:
        port = server.sockets[0].getsockname()[1]
        async with ChatClient(Endpoint(f"https://localhost:{port}/base")) as client:
            if name == "localhost":
                assert await client.get("/health", 5.0) == (200, b"{}")
            else:
                with pytest.raises(EngineDied, match=r"certificate of .* is not valid"):
                    await client.get("/health", 5.0)


@pytest.mark.parametrize("part", [r'"\ud800"', "NaN", "-Infinity", "18446744073709551616", r'{"\udfff": 1}'])
async def test_a_large_reply_is_read_no_less_strictly_than_a_small_one(tmp_path: Path, part: str) -> None:
    """It is read by another parser, in steps. That took what cannot be sent to a client, which got a 500."""
    large = f'{{"choices": [{{"message": {{"content": {part}}}}}], "x": "{"y" * REPLY_AT_ONCE_BYTES}"}}'

    sent = PLAIN + b"Content-Length: %d\r\n\r\n%b" % (len(large), large.encode())
    async with wire(tmp_path / "w", says(sent)) as place, ChatClient(place) as client:
        with pytest.raises(EngineRefused, match="not JSON"):
            await client.complete({})
