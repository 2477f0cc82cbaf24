"""HTTP/1.1 as `chat` speaks it: a connection a request, over a Unix socket, TCP or TLS, and each piece of the
reply with the moment in which it came.

llhttp (`httptools`) reads the protocol. A general client takes more of the processor than the instrument may
(benchmarks/notes.md), and stamps a piece when its reader wakes, not when it came.
"""

import asyncio
import socket
import ssl
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from functools import cache, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import httptools

from viewfinder.client.endpoint import Endpoint
from viewfinder.core.errors import EngineDied, EngineError, EngineRefused, EngineStalled

CONNECT_S = 10.0
HEAD_BYTES = 64 * 1024
"""The most that a reply's headers may hold."""
AHEAD_BYTES = 1024 * 1024
"""What is read of a reply before its reader takes it; a slow reader slows the server down."""
QUEUE_FULL_S = 0.005
"""Between two tries to connect to a server whose queue is full."""
_PORTS = {"http": 80, "https": 443}


class Reply(asyncio.Protocol):
    """One reply, while it comes; `ask` makes it, and who has it calls `close`."""

    def __init__(self, endpoint: Endpoint, stall_timeout_s: float) -> None:
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        """Names in small letters."""
        self._endpoint = endpoint
        self._stall_timeout_s = stall_timeout_s
        self._parser = httptools.HttpResponseParser(self)
        self._pieces: deque[tuple[float, bytes]] = deque()
        self._body: list[bytes] = []
        self._head_bytes = self._ahead_bytes = 0
        self._has_head = self._is_over = self._is_paused = False
        self._error: Exception | None = None
        self._news: asyncio.Future[None] | None = None
        self._listener: Callable[[float, bytes], bool] | None = None
        self._heard_s = time.monotonic()
        self._watch: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    @property
    def content_type(self) -> str:
        """Without its parameters, in small letters."""
        return self.headers.get(b"content-type", b"").partition(b";")[0].strip().lower().decode("latin-1")

    def send(self, request: bytes) -> None:
        """Send what is left of the request, maybe nothing, and watch for silence from now on."""
        self._look_again(self._stall_timeout_s)
        if request:
            self._transport.write(request)

    async def head(self) -> None:
        """Wait until status and headers are there."""
        while not self._has_head:
            await self._more()

    async def pieces(self) -> AsyncGenerator[tuple[float, bytes], None]:
        """The body as it comes: when (`time.monotonic`), and what. Raises EngineDied when it breaks off,
        EngineStalled when the server is silent for too long."""
        while self._pieces or not self._is_over:
            if self._pieces:
                yield self._next()
            else:
                await self._more()

    async def told(self, listener: Callable[[float, bytes], bool]) -> None:
        """Tell `listener` what `pieces` would give, each piece in the moment it comes, until it says that it
        has enough: no task is woken in between. What it raises of EngineError is raised here."""
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
        """Who waits for more hears this instead."""
        self._error = self._error or error
        self._wake()

    def close(self) -> None:
        """Close the connection now, whatever is still under way."""
        if self._watch:
            self._watch.cancel()
        self._transport.abort()

    async def _more(self) -> None:
        if self._error:
            raise self._error
        self._news = asyncio.get_running_loop().create_future()
        try:
            await self._news
        finally:
            self._news = None

    def _next(self) -> tuple[float, bytes]:
        piece = self._pieces.popleft()
        self._ahead_bytes -= len(piece[1])
        if self._is_paused and self._ahead_bytes < AHEAD_BYTES:
            self._is_paused = False
            self._heard_s = time.monotonic()
            self._transport.resume_reading()
        return piece

    def _take(self, body: bytes) -> None:
        """Tell the listener, or keep it for who reads."""
        if self._listener:
            try:
                if self._listener(self._heard_s, body):
                    self._is_over = True
                    self._transport.pause_reading()
            except EngineError as error:
                self.fail(error)
            return
        self._pieces.append((self._heard_s, body))
        self._ahead_bytes += len(body)
        if self._ahead_bytes > AHEAD_BYTES and not self._is_over:
            self._is_paused = True
            self._transport.pause_reading()

    def _wake(self) -> None:
        if self._news and not self._news.done():
            self._news.set_result(None)

    def _look_again(self, after_s: float) -> None:
        self._watch = asyncio.get_running_loop().call_later(after_s, self._look)

    def _look(self) -> None:
        left_s = self._heard_s + self._stall_timeout_s - time.monotonic()
        if self._is_paused:
            left_s = self._stall_timeout_s  # it is its reader who is silent
        if left_s > 0:
            self._look_again(left_s)
        else:
            self.fail(EngineStalled(f"The server at {self._endpoint} went silent."))

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._heard_s = time.monotonic()
        if not self._has_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
            if not self._has_head and self._head_bytes > HEAD_BYTES:
                raise httptools.HttpParserError("its headers have no end")  # noqa: TRY301
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self._is_over:  # what follows a whole reply is nobody's
                self.fail(EngineDied(f"The server at {self._endpoint} does not speak HTTP."))
        if self._body:
            body = b"".join(self._body) if len(self._body) > 1 else self._body[0]
            self._body.clear()
            self._take(body)
        if self._is_over or not self._listener:
            self._wake()

    def connection_lost(self, error: Exception | None) -> None:
        framed = self.headers.keys() & {b"content-length", b"transfer-encoding"}
        if not self._is_over and (error or framed or not self._has_head):
            self.fail(EngineDied(f"The connection to {self._endpoint} broke."))
        else:
            self._is_over = True
            self._wake()

    # What llhttp calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self._has_head = self.status >= 200  # those before are not the reply yet

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._has_head:
            self._is_over = True
        else:
            self.headers.clear()


async def ask(endpoint: Endpoint, method: str, path: str, body: bytes, stall_timeout_s: float) -> Reply:
    """The reply of who listens there, and nobody else. Raises EngineDied, EngineStalled."""
    await _prove(endpoint)

    def reply() -> Reply:
        return Reply(endpoint, stall_timeout_s)

    try:
        rest = request(endpoint, method, path, body)
        if endpoint.socket:  # a private folder holds it, so that nobody else can have it
            made, rest = await _over_socket(endpoint.socket, rest, reply)
        else:
            made = await _over_tcp(endpoint, reply)
    except ssl.SSLCertVerificationError as error:
        raise EngineDied(f"The certificate of {endpoint} is not valid: {error.verify_message}.") from None
    except TimeoutError:
        raise EngineStalled(f"The server at {endpoint} takes no connection.") from None
    except (OSError, ValueError):  # it has no such port; the others are no address at all
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


async def _over_socket(place: Path, sent: bytes, reply: Callable[[], Reply]) -> tuple[Reply, bytes]:
    """A connection on which as much is sent as it takes, before asyncio has made a transport of it; and the
    rest. While the queue of that server is full, it waits, which asyncio does not."""
    until_s = time.monotonic() + CONNECT_S
    connected = socket.socket(socket.AF_UNIX)
    try:
        connected.setblocking(False)
        while True:
            try:
                connected.connect(str(place))
                break
            except BlockingIOError:
                if time.monotonic() > until_s:
                    raise TimeoutError from None
                await asyncio.sleep(QUEUE_FULL_S)
        with suppress(BlockingIOError):
            sent = sent[connected.send(sent) :]
        _, made = await asyncio.get_running_loop().create_unix_connection(reply, sock=connected)
    except BaseException:
        connected.close()
        raise
    return made, sent


def request(endpoint: Endpoint, method: str, path: str, body: bytes = b"") -> bytes:
    """A whole request, as it is sent."""
    length = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body) if body else b""
    return b"%b%b\r\n%b" % (_head(endpoint, method, path), length, body)


@lru_cache(maxsize=64)
def _head(endpoint: Endpoint, method: str, path: str) -> bytes:
    """A request's first line, and the headers that all of them have."""
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
    """Who listens on a port that others could have taken is looked at before a connection is opened, and once
    more before the first byte is sent: a stranger that had it in between did not have it both times."""
    if endpoint.is_proven and not await asyncio.to_thread(endpoint.is_proven):
        raise EngineDied(f"At {endpoint}, somebody else listens, or nobody does.")


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()
