"""What every answer has: the id of its request, and no chunks for a client of HTTP/1.0."""

import asyncio
import re

from tests.gateway.test_connection import HEALTH, MALFORMED, chat, connect, exchange

MADE_BY_US = re.compile(rb"\r\nx-request-id: req_[0-9a-f]{32}\r\n")
CLOSE = b"connection: close\r\n"


def old(raw: bytes, *headers: bytes) -> bytes:
    """The request as a client of HTTP/1.0 sends it."""
    return raw.replace(b"HTTP/1.1\r\n", b"HTTP/1.0\r\n" + b"".join(headers), 1)


async def test_a_harmless_id_is_kept(gateway) -> None:
    for given in (b"7f3c-42", b"req_01J.a:b/c+d=e@f~g", b"x" * 128):
        answered = await exchange(gateway, HEALTH + CLOSE + b"X-Request-ID: " + given + b"\r\n\r\n")
        assert answered.count(b"\r\nx-request-id: %b\r\n" % given) == 1


async def test_any_other_is_not(gateway) -> None:
    for given in (
        b"",
        b"x-request-id:\r\n",
        b"x-request-id: " + b"x" * 129 + b"\r\n",
        b"x-request-id: a b\r\n",
        b"x-request-id: a\x1b[31m\r\n",
        b"x-request-id: a\xe9\r\n",
        b"x-request-id: <b>\r\n",
        b"x-request-id: one\r\nx-request-id: two\r\n",
    ):
        answered = await exchange(gateway, HEALTH + CLOSE + given + b"\r\n")
        assert MADE_BY_US.search(answered), given
        assert answered.count(b"x-request-id") == 1


async def test_no_id_begins_a_header_of_its_own(gateway) -> None:
    for ends in (b"\r", b"\n", b"\x00", b"\r\n "):
        answered = await exchange(gateway, HEALTH + CLOSE + b"x-request-id: a" + ends + b"evil: b\r\n\r\n")
        assert b"evil: b" not in answered


async def test_every_answer_has_one(gateway) -> None:
    for raw in (
        b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n" + CLOSE + b"\r\n",
        b"GET /health HTTP/1.1\r\nHost: evil.example\r\n" + CLOSE + b"\r\n",
        b"HEAD /health HTTP/1.1\r\nHost: localhost\r\n" + CLOSE + b"\r\n",
        MALFORMED["words"],
        MALFORMED["http/2"],
    ):
        assert MADE_BY_US.search(await exchange(gateway, raw)), raw


async def test_a_bug_of_ours_names_the_request_in_answer_and_log(gateway, monkeypatch, caplog) -> None:
    def broken(_model: str) -> None:
        raise RuntimeError

    monkeypatch.setattr(gateway.fleet, "variant_of", broken)
    answered = await exchange(
        gateway, chat().replace(b"\r\n\r\n", b"\r\nx-request-id: mine\r\n" + CLOSE + b"\r\n")
    )
    assert b" 500 " in answered
    assert b"\r\nx-request-id: mine\r\n" in answered
    assert b"about the request mine." in answered
    assert "Request mine " in caplog.text


async def test_an_old_client_gets_a_stream_without_chunks(gateway) -> None:
    """A client of HTTP/1.0 read the sizes of chunks as words of the answer (RFC 9112, 6.1)."""
    head, _, body = (
        await exchange(gateway, old(chat(stream=True), b"connection: keep-alive\r\n"))
    ).partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in head
    assert b"content-length" not in head
    assert b"\r\nconnection: close" in head
    assert body.startswith(b"data: {")
    assert body.endswith(b"data: [DONE]\n\n")
    assert "réd ".encode() in body
    assert all(line.startswith(b"data: ") for line in body.split(b"\n\n")[:-1])


async def test_an_old_client_keeps_its_connection_only_when_it_says_so(gateway) -> None:
    kept = old(chat(), b"connection: keep-alive\r\n")
    answered = await exchange(
        gateway, kept, old(HEALTH, b"connection: keep-alive\r\n") + b"\r\n", old(chat())
    )
    assert answered.count(b"HTTP/1.1 200 OK") == 3
    assert answered.count(b"connection: keep-alive\r\n") == 2
    assert answered.count(b"connection: close\r\n") == 1
    assert answered.count(b"content-length: ") == 3


async def test_an_old_client_gets_no_100_and_no_doubtful_second_request(gateway) -> None:
    chunks = (
        b"POST /v1/chat/completions HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Expect: 100-continue\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"2\r\n{}\r\n0\r\n\r\n"
    )
    answered = await exchange(gateway, chunks + old(HEALTH) + b"\r\n")
    assert answered.startswith(b"HTTP/1.1 400 ")
    assert answered.count(b"HTTP/1.1 ") == 1


async def test_a_flood_of_old_requests_on_one_connection_ends(gateway) -> None:
    reader, writer = await connect(gateway)
    kept = old(HEALTH, b"connection: keep-alive\r\n") + b"\r\n"
    writer.write(old(chat("wait"), b"connection: keep-alive\r\n") + kept * 100)
    await gateway_has_asked(gateway)
    gateway.engine.proceed.set()
    assert (await reader.read()).count(b"HTTP/1.1 200") == 17
    writer.close()


async def gateway_has_asked(gateway) -> None:
    async with asyncio.timeout(10):
        while not gateway.engine.asked:  # noqa: ASYNC110 - another program, which sets no event
            await asyncio.sleep(0.01)
