"""One HTTP connection: uvicorn's protocol with the limits that it lacks; made by `listen`.

    what a client does                              what happens
    sends no head within receive_timeout_s          closed
    sends a head of more than 64 KiB                431
    wraps its body in more bytes than it has        400: chunk by chunk, or in trailers
    sends what is not HTTP/1                        400, and no line of log
    offers another protocol (h2c, websocket)        the offer is ignored, the request answered
    speaks HTTP/1.0                                 no chunks; the connection is kept if the client said so
    sends many requests without reading an answer   the first 17 are answered, then it is closed
    does not read its answer                        the engine is not held up for it, and the connection is
                                                    closed after delivery_timeout_s
    connects beyond the limits (`door`)             503, with Retry-After

A guard cannot do this: uvicorn calls the app only when the headers have arrived, and never with trailers.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NoReturn, Self, cast

import httptools
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest, Busy, ViewfinderError
from viewfinder.gateway.answering import REQUEST_ID, Answering, new_id
from viewfinder.gateway.door import Door
from viewfinder.gateway.endless import ENDLESS, EndlessAnswers
from viewfinder.gateway.guards import LINGER_S, refuse
from viewfinder.gateway.outgoing import Outgoing
from viewfinder.gateway.problems import response_to
from viewfinder.gateway.request_parser import RequestParser, invalid_http
from viewfinder.gateway.request_record import RequestRecords
from viewfinder.host.descriptors import limit as descriptor_limit

PIECE_BYTES = 32 * 1024
"""What is read and parsed at once: the 256 KiB of asyncio could be 40,000 chunks, or 10,000 requests."""
REQUEST_HEAD_BYTES = 64 * 1024
"""The most bytes of a request's line and headers, and the most between two pieces of its body or after it."""
HEADERS = 256
DROPPED_BYTES = 1024 * 1024
"""Read and dropped of what a refused client still sends, so that it sees the answer."""
UNREAD_ANSWER_BYTES = 16 * 1024 * 1024
"""Of one answer, for its client to read: the engine, and those who wait for it, never wait for a slow reader
of an answer that is smaller."""
ALL_UNREAD_BYTES = 64 * 1024 * 1024
"""Of all answers together; beyond that the largest is given up."""
READ_BYTES = 64 * 1024
"""What a client has to read within delivery_timeout_s."""
PIPELINED = 16
"""Requests that may wait on one connection for the answer to the first."""


@dataclass(slots=True)
class Terms:
    """What all connections of a server have in common; `limit` changes it while they are open."""

    door: Door
    head_timeout_s: float
    delivery_timeout_s: float
    incoming: bytearray
    """Where the bytes of a read are put, until they are parsed."""
    drain_s: float
    """How long requests in progress may take once the server stops."""
    records: RequestRecords
    """What becomes of their requests."""
    endless: EndlessAnswers = field(default_factory=EndlessAnswers)

    @classmethod
    def of(cls, limits: Limits, drain_s: float, records: RequestRecords | None = None) -> Self:
        door = Door(limits.connections, limits.connections_per_address, descriptor_limit())
        times_s = limits.receive_timeout_s, limits.delivery_timeout_s
        return cls(door, *times_s, bytearray(PIECE_BYTES), drain_s, records or RequestRecords())

    def limit(self, limits: Limits, drain_s: float) -> None:
        """Use other limits: a time that runs already keeps its length; nobody who is inside is sent out."""
        self.door.limit(limits.connections, limits.connections_per_address)
        self.head_timeout_s = limits.receive_timeout_s
        self.delivery_timeout_s = limits.delivery_timeout_s
        self.drain_s = drain_s


class Connection(HttpToolsProtocol):
    """Made for each connection that is accepted."""

    _head_bytes = _headers = 0
    _wire_bytes = _body_bytes = _silent_bytes = 0
    """Of the current message: all bytes, those of its body, and those since the last byte of its body."""
    _has_head = False
    _is_deaf = False
    """Whether what the client sends is dropped."""
    _dropped_bytes = 0
    _fault: ViewfinderError | None = None
    _read_s, _read_bytes = 0.0, 0
    """When the client last made progress, and how much it had read by then."""

    def __init__(
        self, terms: Terms, config: uvicorn.Config, state: ServerState, app_state: dict[str, Any]
    ) -> None:
        super().__init__(config, state, app_state)
        self.parser: RequestParser = RequestParser(self)  # type: ignore[assignment]
        self.terms = terms
        self._timers: dict[str, asyncio.TimerHandle] = {}

    @property
    def has_request(self) -> bool:
        """Whether a request was begun and is not answered yet."""
        return self.cycle is not None and (not self.cycle.response_complete or bool(self.pipeline))

    @property
    def busy(self) -> int:
        if self.cycle is None:
            return 0
        if not self.has_request:
            return 2 if self.transport.get_write_buffer_size() else 1
        return 2 if self.cycle.more_body and not self.cycle.response_started else 3

    def make_room(self) -> None:
        self.transport.abort()

    # Called by asyncio.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._outgoing = Outgoing(transport, self.loop)
        self._read_s = self.loop.time()
        super().connection_made(cast("asyncio.Transport", self._outgoing))
        transport.set_write_buffer_limits(UNREAD_ANSWER_BYTES)
        head_timeout_s = self.terms.head_timeout_s
        if not self.terms.door.enter(self, self.client[0] if self.client else None):
            self.app = cast("ASGI3Application", _full)
            head_timeout_s = LINGER_S
            if self.terms.door.is_crowded:
                transport.abort()
        self._after(head_timeout_s, "head", transport.abort)

    def data_received(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        if self._is_deaf:
            self._dropped_bytes += len(data)
            if self._dropped_bytes > DROPPED_BYTES:
                self.transport.abort()
            return
        body_bytes = self._body_bytes
        self._wire_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # a tunnel, and what is sent through it
            self._deafen()
        except httptools.HttpParserError:
            self._refuse(self._fault or self.parser.fault)
        else:
            self._count(len(data), has_body=self._body_bytes > body_bytes)
            if not (self.has_request or self._is_deaf or "head" in self._timers):  # an empty line, so far
                self._after(self.terms.head_timeout_s, "head", self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        self.terms.door.leave(self)
        for name in tuple(self._timers):
            self._done(name)
        self._unset_keepalive_if_required()
        self.parser.close()
        super().connection_lost(exc)

    # Called by the parser; an exception stops it, and becomes its own.

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = self._headers = 0
        self._wire_bytes = self._body_bytes = self._silent_bytes = 0
        self._has_head = False
        self._after(self.terms.head_timeout_s, "head", self.transport.abort)

    def on_url(self, url: bytes) -> None:
        self._count_head(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count_head(len(name) + len(value))
        if not self._has_head:
            super().on_header(name, value)  # trailers are counted, and dropped

    def on_headers_complete(self) -> None:
        self._has_head = True
        self._done("head")
        if len(self.pipeline) >= PIPELINED:
            self._stop(invalid_http("Too many requests wait on this connection."))
        super().on_headers_complete()
        if self.scope["http_version"] == "1.0":
            # Where one side does not know chunks, the end of a body is in doubt (RFC 9112, 6.1).
            has_chunks = any(name == b"transfer-encoding" for name, _ in self.headers)
            self.cycle.keep_alive = self.parser.should_keep_alive() and not has_chunks
            self.cycle.waiting_for_100_continue = False

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        super().on_body(body)

    # Called by uvicorn.

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        cycle.scope[ENDLESS] = self.terms.endless  # type: ignore[literal-required]
        answering = Answering(cast("ASGIApp", app), cycle, self.terms.records)
        super()._start_asgi_task(cycle, cast("ASGI3Application", answering))

    def shutdown(self) -> None:
        if "linger" in self._timers:
            self.transport.abort()
        else:
            super().shutdown()

    def look(self, now_s: float) -> int:
        """The bytes that wait for the client to read them; it is called ten times a second.

        A client that reads less than `READ_BYTES` of them in delivery_timeout_s is cut off.
        """
        unread = self.transport.get_write_buffer_size()
        read = self._outgoing.written_bytes - unread
        if not unread or read >= self._read_bytes + READ_BYTES:
            self._read_s, self._read_bytes = now_s, read
        elif now_s - self._read_s > self.terms.delivery_timeout_s:
            self.transport.abort()
        return unread

    # The limits.

    def _count_head(self, size_bytes: int) -> None:
        self._head_bytes += size_bytes
        self._headers += 1
        if self._head_bytes > REQUEST_HEAD_BYTES or self._headers > HEADERS:
            self._stop(_head_too_large())

    def _count(self, received_bytes: int, *, has_body: bool) -> None:
        self._silent_bytes = 0 if has_body else self._silent_bytes + received_bytes
        if self._silent_bytes > REQUEST_HEAD_BYTES:
            fault = invalid_http("The request has too many bytes after its body.")
            self._refuse(fault if self._has_head else _head_too_large())
        elif self._wire_bytes - self._body_bytes > REQUEST_HEAD_BYTES + self._body_bytes:
            self._refuse(invalid_http("The request's chunks are too small."))

    def _stop(self, fault: ViewfinderError) -> NoReturn:
        """Stop the parser."""
        self._fault = fault
        raise fault

    def _refuse(self, error: ViewfinderError) -> None:
        """Answer with an error and close; never in the middle of an answer, nor before an earlier one."""
        cycle = self.cycle
        is_waiting = cycle is not None and not cycle.response_complete
        if is_waiting and not cycle.more_body:  # a whole request: what follows it is at fault
            self._deafen()
            return
        if is_waiting:
            cycle.disconnected = True
            cycle.message_event.set()
        if self.pipeline or (is_waiting and cycle.response_started):
            self.transport.abort()
            return
        self._is_deaf = True
        self._done("head")
        self.transport.write(self._whole_response(error))
        with contextlib.suppress(OSError):  # the client has gone
            self.transport.write_eof()
        self._after(LINGER_S, "linger", self.transport.abort)

    def _whole_response(self, error: ViewfinderError) -> bytes:
        """The bytes of an error for a client that no app has seen."""
        response, request_id = response_to(error), new_id()
        response.headers["connection"] = "close"
        response.headers[REQUEST_ID] = request_id
        peer = self.client[0] if self.client else ""
        self.terms.records.unreadable(peer, response.status_code, error, request_id)
        head = b"".join(b"%b: %b\r\n" % header for header in response.raw_headers)
        return b"%b%b\r\n%b" % (STATUS_LINE[response.status_code], head, bytes(response.body))

    def _deafen(self) -> None:
        """Answer what was requested, then close."""
        self._is_deaf = True
        self._done("head")
        if self.cycle is not None:
            self.cycle.keep_alive = False

    def _after(self, delay_s: float, name: str, call: Callable[[], None]) -> None:
        self._done(name)
        self._timers[name] = self.loop.call_later(delay_s, call)

    def _done(self, name: str) -> bool:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()
        return timer is not None


def look_at_readers(connections: Iterable[Connection], now_s: float) -> None:
    """Cut off clients that do not read their answers."""
    unread = {connection: connection.look(now_s) for connection in connections}
    total = sum(unread.values())
    for connection in sorted(unread, key=unread.__getitem__, reverse=True):
        if total <= ALL_UNREAD_BYTES:
            return
        connection.transport.abort()
        total -= unread[connection]


def _head_too_large() -> BadRequest:
    return BadRequest(
        f"The request's headers are larger than {REQUEST_HEAD_BYTES // 1024} KiB, or more than {HEADERS}.",
        hint="Send fewer or shorter headers.",
        code="headers_too_large",
    )


async def _full(scope: Scope, receive: Receive, send: Send) -> None:
    """The app of a connection beyond the limits."""
    error = Busy(
        "Viewfinder has too many connections.",
        hint="Retry in a moment, and close connections that are not used.",
        code="overloaded",
    )
    await refuse(error, scope, receive, send, close=True)
