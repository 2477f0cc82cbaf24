"""Offers to upgrade have no effect: the same request with and without one is read alike."""

from typing import Any

import httptools
import pytest

from viewfinder.gateway.request_parser import RequestParser

LENGTH = b"content-length: 5\r\n\r\nhello"
CHUNKS = b"transfer-encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\n"
OFFER = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABk\r\n"
POST = b"POST /a?b=c HTTP/1.1\r\nhost: x\r\n" + OFFER
BROKEN = {
    "two lengths": POST + b"content-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "a length and chunks": POST + b"content-length: 1\r\n" + CHUNKS,
    "chunks and a length": POST + CHUNKS.replace(b"\r\n\r\n", b"\r\ncontent-length: 1\r\n\r\n", 1),
    "not chunked": POST + b"transfer-encoding: gzip\r\n\r\nhello",
    "a broken chunk": POST + b"transfer-encoding: chunked\r\n\r\nzz\r\n",
    "frames of the other protocol": POST + b"\r\n\x00\x00\x12\x04\x00",
}


class Heard:
    """What was called, with the pieces of a body or path put together."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, bytes, bytes]] = []

    def __getattr__(self, call: str) -> Any:
        if not call.startswith("on_"):
            raise AttributeError(call)

        def called(one: bytes = b"", other: bytes = b"") -> None:
            if call in ("on_body", "on_url") and self.calls[-1][0] == call:
                one = self.calls.pop()[1] + one
            self.calls.append((call, one, other))

        return called


def heard(raw: bytes, piece_bytes: int) -> list[tuple[str, bytes, bytes]]:
    target = Heard()
    parser = RequestParser(target)
    for at in range(0, len(raw), piece_bytes):
        parser.feed_data(raw[at : at + piece_bytes])
    return target.calls


def without_offers(raw: bytes) -> bytes:
    return raw.replace(b"upgrade: ", b"upgrad3: ")


@pytest.mark.parametrize(
    "framing", [LENGTH, CHUNKS + b"\r\n", CHUNKS + OFFER + b"\r\n", b"\r\n", b"Content-Length: 0\r\n\r\n"]
)
def test_a_request_is_read_as_without_the_offer(framing: bytes) -> None:
    raw = (POST + framing) * 3 + without_offers(POST) + framing
    plain = heard(without_offers(raw), len(raw))
    for piece_bytes in range(1, len(raw) + 1):
        offered = heard(raw, piece_bytes)
        assert [(call, one.replace(b"upgrade", b"upgrad3"), other) for call, one, other in offered] == plain
    assert sum(call == "on_message_complete" for call, *_ in plain) == 4


@pytest.mark.parametrize(
    "last",
    [
        POST.replace(b"HTTP/1.1", b"HTTP/1.0") + LENGTH,
        POST.replace(b"Upgrade,", b"Upgrade, close,") + LENGTH,
    ],
)
def test_nothing_follows_the_last_request_of_a_connection(last: bytes) -> None:
    raw = last + POST + LENGTH
    calls = [call for call, *_ in heard(raw, len(raw))]
    assert calls.count("on_message_complete") == 1
    assert calls == [call for call, *_ in heard(without_offers(raw), len(raw))]


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN)
def test_an_offer_hides_no_fault(raw: bytes) -> None:
    with pytest.raises(httptools.HttpParserError):
        heard(raw, len(raw))


def test_a_tunnel_is_none() -> None:
    with pytest.raises(httptools.HttpParserUpgrade):
        heard(b"CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\nhello", 100)
