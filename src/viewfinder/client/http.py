"""HTTP/1.1 for `chat`: one connection per request, over a Unix socket, TCP or TLS; each piece of the reply
has the time at which it arrived.

llhttp (`httptools`) parses the protocol. A general client uses too much CPU for a measuring instrument
(benchmarks/notes.md), and stamps a piece when its reader wakes, not when the piece arrives.
"""

import asyncio
import socket
import ssl
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import httptools

from viewfinder.client.endpoint import Endpoint
from viewfinder.core.errors import Busy, EngineDied, EngineError, EngineRefused, EngineStalled
from viewfinder.host.descriptors import is_shortage

CONNECT_S = 10.0
HEAD_BYTES = 64 * 1024
"""The largest accepted headers of a reply."""
AHEAD_BYTES = 1024 * 1024
"""How much of a reply is buffered for its reader; a slow reader slows the server down."""
SENT_AT_ONCE_BYTES = 256 * 1024
"""A larger request is handed to asyncio in pieces of this size, each when the last one is on its way: it
copies what it cannot send at once."""
QUEUE_FULL_S = 0.005
"""The time between two attempts to connect to a server whose queue is full."""
_PORTS = {"http": 80, "https": 443}
RequestPiece = bytes | memoryview


class Reply(asyncio.Protocol):
    """One reply, while it arrives; made by `open_request`, and closed by its caller."""

    def __init__(self, endpoint: Endpoint, stall_timeout_s: float) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        """Names in lower case."""
        self._endpoint = endpoint
        self._stall_timeout_s = stall_timeout_s
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: deque[tuple[float, bytes]] = deque()
        self._body: list[bytes] = []
        self._head_bytes = self._ahead_bytes = 0
        self._has_head = self._is_over = self._is_paused = False
        self._unsent: deque[RequestPiece] = deque()
        self._is_full = False
        self._error: Exception | None = None
        self._change: asyncio.Future[None] | None = None
        self._listener: Callable[[float, bytes], bool] | None = None
        self._received_s = time.monotonic()
        self._watch: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    @property
    def content_type(self) -> str:
        """Without its parameters, in lower case."""
        return self.headers.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")

    def send(self, request: Sequence[RequestPiece]) -> None:
        """Send the rest of the request, which may be empty, and start to watch for silence."""
        self._check_silence_in(self._stall_timeout_s)
        self._unsent.extend(request)
        self._send_more()

    async def head(self) -> None:
        """Wait for status and headers."""
        while not self._has_head:
            await self._more()

    async def pieces(self) -> AsyncGenerator[tuple[float, bytes], None]:
        """The body in pieces, each with the time at which it arrived (`time.monotonic`). Raises EngineDied
        when it breaks off, EngineStalled when the server is silent for too long."""
        while self._pieces or not self._is_over:
            if self._pieces:
                yield self._next()
            else:
                await self._more()

    async def feed_to(self, listener: Callable[[float, bytes], bool]) -> None:
        """Call `listener` with each item of `pieces` the moment it arrives, without waking a task, until it
        returns True. Raises its EngineError."""
        while self._pieces:
            if listener(*self._next()):
                return
        self._listener = listener
        while not self._is_over:
            await self._more()
        if self._error:
            raise self._error

    async def whole(self, limit_bytes: int) -> bytes:
        """The body; EngineRefused when it is larger."""
        body = bytearray()
        async for _, data in self.pieces():
            body += data
            if len(body) > limit_bytes:
                raise EngineRefused(
                    f"The server's reply is larger than {limit_bytes} bytes.", status=self.status
                )
        return bytes(body)

    def fail(self, error: Exception) -> None:
        """Raise the error in the task that waits for more."""
        self._error = self._error or error
        self._wake()

    def close(self) -> None:
        """Close the connection now, even in the middle of the reply."""
        if self._watch:
            self._watch.cancel()
        self._unsent.clear()
        self._transport.abort()

    async def _more(self) -> None:
        if self._error:
            raise self._error
        self._change = asyncio.get_running_loop().create_future()
        try:
            await self._change
        finally:
            self._change = None

    def _next(self) -> tuple[float, bytes]:
        piece = self._pieces.popleft()
        self._ahead_bytes -= len(piece[1])
        if self._is_paused and self._ahead_bytes < AHEAD_BYTES:
            self._is_paused = False
            self._received_s = time.monotonic()
            self._transport.resume_reading()
        return piece

    def _take(self, body: bytes) -> None:
        """Pass it to the listener, or keep it for the reader."""
        if self._listener:
            try:
                if self._listener(self._received_s, body):
                    self._is_over = True
                    self._transport.pause_reading()
            except EngineError as error:
                self.fail(error)
            return
        self._pieces.append((self._received_s, body))
        self._ahead_bytes += len(body)
        if self._ahead_bytes > AHEAD_BYTES and not self._is_over:
            self._is_paused = True
            self._transport.pause_reading()

    def _send_more(self) -> None:
        while self._unsent and not self._is_full:
            self._transport.write(self._unsent.popleft())

    def _wake(self) -> None:
        if self._change and not self._change.done():
            self._change.set_result(None)

    def _check_silence_in(self, after_s: float) -> None:
        self._watch = asyncio.get_running_loop().call_later(after_s, self._check_silence)

    def _check_silence(self) -> None:
        left_s = self._received_s + self._stall_timeout_s - time.monotonic()
        if self._is_paused:
            left_s = self._stall_timeout_s  # the reader is slow, not the server
        if left_s > 0:
            self._check_silence_in(left_s)
        else:
            self.fail(EngineStalled(f"The server at {self._endpoint} went silent."))

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._received_s = time.monotonic()
        if not self._has_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
            if not self._has_head and self._head_bytes > HEAD_BYTES:
                raise httptools.HttpParserError("its headers have no end")  # noqa: TRY301
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self._is_over:  # bytes after a complete reply are ignored
                self.fail(EngineDied(f"The server at {self._endpoint} does not speak HTTP."))
        if self._body:
            body = b"".join(self._body) if len(self._body) > 1 else self._body[0]
            self._body.clear()
            self._take(body)
        if self._is_over or not self._listener:
            self._wake()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._send_more()

    def connection_lost(self, error: Exception | None) -> None:
        self._unsent.clear()
        framed = self.headers.keys() & {b"content-length", b"transfer-encoding"}
        if not self._is_over and (error or framed or not self._has_head):
            self.fail(EngineDied(f"The connection to {self._endpoint} broke."))
        else:
            self._is_over = True
            self._wake()

    # Called by llhttp.

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self._has_head = self.status >= 200  # a status below is not the reply yet

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._has_head:
            self._is_over = True
        else:
            self.headers.clear()


async def open_request(
    endpoint: Endpoint, method: str, path: str, body: Sequence[bytes], stall_timeout_s: float
) -> Reply:
    """Send a request to the proven listener of the endpoint. Raises EngineDied, EngineStalled, and Busy when
    this computer has no descriptor left for the connection: the engine is not at fault."""
    await _prove(endpoint)

    def reply() -> Reply:
        return Reply(endpoint, stall_timeout_s)

    try:
        rest = request(endpoint, method, path, body)
        if endpoint.socket:  # it is in a private folder, so no other user's program can listen there
            made, rest = await _over_socket(endpoint.socket, rest, reply)
        else:
            made = await _over_tcp(endpoint, reply)
    except ssl.SSLCertVerificationError as error:
        raise EngineDied(f"The certificate of {endpoint} is not valid: {error.verify_message}.") from None
    except TimeoutError:
        raise EngineStalled(f"The server at {endpoint} accepts no connection.") from None
    except (OSError, ValueError) as error:  # ValueError: an invalid port or address
        if is_shortage(error):
            raise Busy.short_of_descriptors() from None
        raise EngineDied(f"Nothing listens at {endpoint}.") from None
    try:
        await _prove(endpoint)
    except BaseException:
        made.close()
        raise
    made.send(rest)
    return made


async def _over_tcp(endpoint: Endpoint, reply: Callable[[], Reply]) -> Reply:
    address = urlsplit(endpoint.base_url)
    port = address.port or _PORTS[address.scheme]
    tls = _tls() if address.scheme == "https" else None
    async with asyncio.timeout(CONNECT_S):
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(reply, address.hostname or "", port, ssl=tls)
    return made


async def _over_socket(
    path: Path, pieces: Sequence[RequestPiece], reply: Callable[[], Reply]
) -> tuple[Reply, list[RequestPiece]]:
    """A connection, and what is left of `pieces`: as much of the first as fits is sent before asyncio makes
    its transport.

    While the server's queue is full it waits, which asyncio would not do.
    """
    until_s = time.monotonic() + CONNECT_S
    connected = socket.socket(socket.AF_UNIX)
    try:
        connected.setblocking(False)
        while True:
            try:
                connected.connect(str(path))
                break
            except BlockingIOError:
                if time.monotonic() > until_s:
                    raise TimeoutError from None
                await asyncio.sleep(QUEUE_FULL_S)
        first, *rest = pieces
        with suppress(BlockingIOError):
            first = first[connected.send(first) :]
        _, made = await asyncio.get_running_loop().create_unix_connection(reply, sock=connected)
    except BaseException:
        connected.close()
        raise
    return made, [first, *rest] if first else rest


def request(endpoint: Endpoint, method: str, path: str, body: Sequence[bytes] = ()) -> list[RequestPiece]:
    """A request in pieces, of which only a large body has more than one."""
    size_bytes = sum(map(len, body))
    length = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % size_bytes if body else b""
    head = b"%b%b\r\n" % (_head(endpoint, method, path), length)
    if size_bytes <= SENT_AT_ONCE_BYTES:
        return [b"".join((head, *body))]
    views = [memoryview(piece) for piece in body]
    return [
        head,
        *(
            view[at : at + SENT_AT_ONCE_BYTES]
            for view in views
            for at in range(0, len(view), SENT_AT_ONCE_BYTES)
        ),
    ]


@lru_cache(maxsize=64)
def _head(endpoint: Endpoint, method: str, path: str) -> bytes:
    """The first line of a request, and the headers that all requests have."""
    address = urlsplit(endpoint.url(path))
    headers = {
        "Host": address.netloc.rpartition("@")[2],
        "User-Agent": f"viewfinder/{version('viewfinder')}",
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
        **endpoint.headers(),
    }
    target = address.path + (f"?{address.query}" if address.query else "")
    lines = (f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "")
    return "\r\n".join(lines).encode("latin-1")


async def _prove(endpoint: Endpoint) -> None:
    """Check the listener of a port that another program could take: before the connection is opened, and
    again before the first byte is sent, since another program could have had the port in between."""
    if endpoint.is_proven and not await asyncio.to_thread(endpoint.is_proven):
        raise EngineDied(f"The process listening at {endpoint} is not the engine we started.")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
