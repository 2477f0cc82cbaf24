"""What a request must pass before anything reads it: host, origin, key, content type, whole body in time.

Stacked by `app` as ASGI middleware, each below the one before; none of them knows what is asked.
"""

import asyncio
import contextlib
import hmac
import ipaddress
import re
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest, Forbidden, RequestTooLarge, Unauthorized, ViewfinderError
from viewfinder.gateway.problems import response_to

OPEN_PATHS = ("/health", "/ready")
"""Probes need no key: they tell nothing but that we are here."""

LINGER_S = 2.0
"""How long a refused request may go on sending before its connection is closed."""

_HOST = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::\d{1,5})?")


class Guard:
    """A guard looks at a request's head: `check` raises, then the request is answered and goes no further."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    def check(self, scope: Scope, headers: Headers) -> None:
        raise NotImplementedError

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            try:
                self.check(scope, Headers(scope=scope))
            except ViewfinderError as error:
                await refuse(error, scope, receive, send)
                return
        await self.app(scope, receive, send)


class KnownHost(Guard):
    """The Host header names this computer, so that a page cannot reach us by rebinding its own name to
    our address (CVE-2024-28224).

    Loopback names always do, and the names in `hosts`. When `hosts` has a wildcard address (0.0.0.0 or
    ::), so does every address: rebinding needs a name.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str]) -> None:
        super().__init__(app)
        self.names = {"localhost", *(host.lower().strip("[]") for host in hosts)}
        self.every_address = any(address.is_unspecified for address in map(_address, self.names) if address)

    def check(self, scope: Scope, headers: Headers) -> None:
        given = headers.getlist("host")
        match = _HOST.fullmatch(given[0].lower()) if len(given) == 1 else None
        name = match["six"] or match["name"] if match else ""
        address = _address(name)
        if name in self.names or (address and (address.is_loopback or self.every_address)):
            return
        raise Forbidden(
            "The request's Host header does not name this server.",
            hint="Use localhost or the address it listens on, or add the name to allowed_hosts.",
            code="host_not_allowed",
        )


class KnownOrigin(Guard):
    """A web page may ask only when it is our own or in `origins`; what is not a browser sends no Origin."""

    def __init__(self, app: ASGIApp, origins: Collection[str]) -> None:
        super().__init__(app)
        self.origins = frozenset(origins)

    def check(self, scope: Scope, headers: Headers) -> None:
        origin = headers.get("origin")
        host = headers.get("host")
        if origin is None or origin in self.origins or origin in (f"http://{host}", f"https://{host}"):
            return
        raise Forbidden(
            "Web pages of this origin may not use this server.",
            hint="Add the origin to allowed_origins.",
            code="origin_not_allowed",
        )


class KeyNeeded(Guard):
    """Every path but the open ones needs `Authorization: Bearer KEY`; a key in the URL is not looked for."""

    def __init__(self, app: ASGIApp, key: str) -> None:
        super().__init__(app)
        self.key = key.encode()

    def check(self, scope: Scope, headers: Headers) -> None:
        if scope["path"] in OPEN_PATHS:
            return
        scheme, _, key = headers.get("authorization", "").partition(" ")
        given = key.strip().encode("latin-1")  # the bytes that were sent
        if scheme.lower() != "bearer" or not hmac.compare_digest(given, self.key):
            raise Unauthorized(
                "The API key is missing or wrong.", hint="Send the header 'Authorization: Bearer KEY'."
            )


class JsonOnly(Guard):
    """A body is declared as JSON: a page's plain form or text post, which no browser asks us about before
    sending, is refused."""

    def check(self, scope: Scope, headers: Headers) -> None:
        if scope["method"] not in ("POST", "PUT", "PATCH"):
            return
        if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise Forbidden(
                "The request's content type is not application/json.",
                hint="Send the header 'Content-Type: application/json'.",
                code="unsupported_media_type",
            )


class WholeBody:
    """The body is here, within its size, in time; what is below never waits for a slow sender."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self.limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            body = await self._read(Headers(scope=scope), receive)
        except ViewfinderError as error:
            await refuse(error, scope, receive, send)
        except ClientDisconnect:
            return
        else:
            await self.app(scope, _given_back(body, receive), send)

    async def _read(self, headers: Headers, receive: Receive) -> bytes:
        declared = headers.get("content-length", "0")
        if not declared.isdecimal() or int(declared) > self.limits.body_bytes:
            raise self._too_large()
        body = bytearray()
        try:
            async with asyncio.timeout(self.limits.receive_timeout_s):
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientDisconnect
                    body += message.get("body", b"")
                    if len(body) > self.limits.body_bytes:
                        raise self._too_large()
                    more = message.get("more_body", False)
        except TimeoutError:
            raise BadRequest(
                f"The request's body was not here after {self.limits.receive_timeout_s:g} s.",
                hint="Send it faster, or raise limits.receive_timeout_s.",
                code="request_timeout",
            ) from None
        return bytes(body)

    def _too_large(self) -> RequestTooLarge:
        return RequestTooLarge(
            f"The request's body is larger than {self.limits.body_bytes} bytes.",
            hint="Send fewer or smaller images, or raise limits.body_bytes.",
        )


async def refuse(error: ViewfinderError, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer a request that goes no further, and close its connection when it has a body.

    The body's rest is read and dropped for a moment first: a connection that is closed on unread bytes
    is reset, and the client would lose the answer that says why (RFC 9112, 9.6).
    """
    response = response_to(error)
    headers = Headers(scope=scope)
    if "content-length" in headers or "transfer-encoding" in headers:
        response.headers["connection"] = "close"
    await send(
        {"type": "http.response.start", "status": response.status_code, "headers": response.raw_headers}
    )
    await send({"type": "http.response.body", "body": response.body, "more_body": True})
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(LINGER_S):
            while (await receive()).get("more_body"):
                pass
    await send({"type": "http.response.body"})


def _given_back(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read, then waits for the client's leaving."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive_again() -> Message:
        return waiting.pop() if waiting else await receive()

    return receive_again


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
