"""What every answer has, whatever made it: the id of its request, and a form that its client can read.

Wrapped by `connection` around the app of each request.
"""

import re
import uuid
from typing import Protocol

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from viewfinder.gateway.request_record import RequestRecords
from viewfinder.gateway.wrong_paths import is_anthropics

REQUEST_ID = "x-request-id"
ANTHROPICS_REQUEST_ID = "request-id"
"""Where clients of Anthropic's API look for it."""
SCOPE_ID = "viewfinder.request_id"
"""Where a request's scope has its id."""
_HARMLESS = re.compile(rb"[A-Za-z0-9._~:+/=@-]{1,128}")
"""An id of the client that may stand in a header, a log and a terminal."""


class Cycle(Protocol):
    """What is used of uvicorn's state of one answer."""

    keep_alive: bool
    chunked_encoding: bool | None
    disconnected: bool
    expected_content_length: int


class Answering:
    """An app whose answers have the id of the request, and no chunks for a client of HTTP/1.0."""

    _has_no_length = False
    """Whether the end of the connection is the end of the answer."""

    def __init__(self, app: ASGIApp, cycle: Cycle, records: RequestRecords) -> None:
        self.app, self.cycle, self.records = app, cycle, records

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[SCOPE_ID] = id_of(scope)
        is_old = scope["http_version"] == "1.0"
        record = self.records.of(scope)

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.answers(message)
                names = (REQUEST_ID, ANTHROPICS_REQUEST_ID) if is_anthropics(scope["path"]) else (REQUEST_ID,)
                ids = [(name.encode(), scope[SCOPE_ID].encode()) for name in names]
                message["headers"] = [*message["headers"], *ids]
                if is_old:
                    self._begin_old(message)
            elif self._has_no_length:  # uvicorn counts what it sends
                self.cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receive, sent)
        finally:
            record.ended(scope[SCOPE_ID], has_left=self.cycle.disconnected)

    def _begin_old(self, message: Message) -> None:
        """HTTP/1.0 has no chunks, and keeps a connection open only when both sides say so."""
        names = {name.lower() for name, _ in message["headers"]}
        if b"content-length" not in names:
            self.cycle.keep_alive = False
            self.cycle.chunked_encoding, self._has_no_length = False, True
        if self.cycle.keep_alive and b"connection" not in names:
            message["headers"].append((b"connection", b"keep-alive"))


def id_of(scope: Scope) -> str:
    """The client's own id where it has one that is harmless, or a new one."""
    given: list[bytes] = [value for name, value in scope["headers"] if name == REQUEST_ID.encode()]
    if len(given) == 1 and _HARMLESS.fullmatch(given[0]):
        return given[0].decode()
    return new_id()


def new_id() -> str:
    return f"req_{uuid.uuid4().hex}"
