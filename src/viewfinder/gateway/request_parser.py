"""Reads requests as httptools does, and ignores every offer to upgrade; made by `connection`.

A server may ignore an offer (RFC 9110, 7.8), and here is no other protocol. httptools takes what follows the
head of such a request for the other protocol: Java's HttpClient and `curl --http2` lost their bodies.
"""

from typing import Protocol

import httptools

from viewfinder.core.errors import BadRequest

FRAMING = (b"content-length", b"transfer-encoding", b"connection")
"""The headers that say where a body ends, and whether another request may follow."""


class Target(Protocol):
    """What is called for each part of a request, as by httptools."""

    def on_message_begin(self) -> None: ...
    def on_url(self, url: bytes) -> None: ...
    def on_header(self, name: bytes, value: bytes) -> None: ...
    def on_headers_complete(self) -> None: ...
    def on_body(self, body: bytes) -> None: ...
    def on_message_complete(self) -> None: ...


class RequestParser:
    """httptools' parser for one connection.

    It stops behind the head of a request with an offer. Then the head's framing is given to a new one, which
    reads the body and the requests that follow.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self.on_body = target.on_body
        self._framing: list[tuple[bytes, bytes]] = []
        self._is_in_head = self._is_repeating = False
        self._parser = self._made()

    def feed_data(self, data: bytes) -> None:
        """Raises HttpParserError, and HttpParserUpgrade behind the head of a tunnel (CONNECT)."""
        rest = memoryview(data)
        while True:
            try:
                self._parser.feed_data(rest)
            except httptools.HttpParserUpgrade as offer:
                if self._is_tunnel:
                    raise
                rest = rest[offer.args[0] :]
                self._repeat_framing()
            else:
                return

    def close(self) -> None:
        """Let go of the target: each of the three refers to the next."""
        del self._parser

    def get_method(self) -> bytes:
        return self._parser.get_method()

    def get_http_version(self) -> str:
        return self._parser.get_http_version()

    def should_keep_alive(self) -> bool:
        return self._parser.should_keep_alive()

    def should_upgrade(self) -> bool:
        return False

    @property
    def fault(self) -> BadRequest:
        """The error for what is not HTTP, after HttpParserError."""
        if self.get_method() == b"PRI":
            return BadRequest(
                "The client speaks HTTP/2, and this server HTTP/1.1.",
                hint="Tell it to use HTTP/1.1 (curl --http1.1).",
                code="invalid_http",
            )
        return invalid_http("The request is not valid HTTP.")

    # Called by httptools.

    def on_message_begin(self) -> None:
        if not self._is_repeating:
            self._framing.clear()
            self._is_in_head = True
            self._target.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if not self._is_repeating:
            self._target.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._is_repeating:
            return
        self._target.on_header(name, value)
        if self._is_in_head and name.lower() in FRAMING:
            self._framing.append((name, value))

    def on_headers_complete(self) -> None:
        if not self._is_repeating:
            self._is_in_head = False
            self._target.on_headers_complete()

    def on_message_complete(self) -> None:
        if self._is_tunnel or not self._parser.should_upgrade():  # else its body is still to come
            self._target.on_message_complete()

    @property
    def _is_tunnel(self) -> bool:
        return self._parser.get_method() == b"CONNECT"

    def _repeat_framing(self) -> None:
        version = self._parser.get_http_version().encode()
        self._parser = self._made()
        self._is_repeating = True
        try:
            self._parser.feed_data(b"POST / HTTP/%b\r\n" % version)
            for header in self._framing:
                self._parser.feed_data(b"%b: %b\r\n" % header)
            self._parser.feed_data(b"\r\n")
        finally:
            self._is_repeating = False

    def _made(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # As uvicorn does: else a request with `connection: close` and another behind it is an error, and the
        # first one is not answered.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser


def invalid_http(message: str) -> BadRequest:
    return BadRequest(message, hint="Send HTTP/1.1, as every HTTP client does.", code="invalid_http")
