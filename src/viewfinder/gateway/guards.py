"""The checks before a request is read: host, origin, key, type and encoding, and the whole body in time.

Put into order by `app`; none of them looks into the body.
"""

import asyncio
import contextlib
import ipaddress
import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse, Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest, Forbidden, RequestTooLarge, Unauthorized, ViewfinderError
from viewfinder.gateway.holdings import Holding, Holdings, overloaded
from viewfinder.gateway.keys import Keys
from viewfinder.gateway.origins import Origins
from viewfinder.gateway.page_routes import is_open_page, sign_in_path, wants_page
from viewfinder.gateway.problems import response_to
from viewfinder.gateway.request_record import AT_THE_DOOR
from viewfinder.gateway.sender import KEY_OWNER, sender
from viewfinder.gateway.sessions import BY_SESSION, IS_ADMIN, Sessions
from viewfinder.wire.refusals import quoted

OPEN_PATHS = ("/health", "/ready")
"""Probes need no key: their replies hold nothing secret."""

FORM_TYPE = "application/x-www-form-urlencoded"
FORM_PATHS = ("/login", "/logout")
"""The only ones that take a form, as browsers send it."""
FORM_BYTES = 16 * 1024
"""Of a form: it is read before anybody has shown a key."""

LINGER_S = 2.0
"""How long a refused request may keep sending before its connection is closed."""

_HOST = re.compile(r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[a-z0-9._-]+))(?::\d{1,5})?")


class Guard(ABC):
    """A check of a request's headers: when `check` raises, the request is answered with that error."""

    @abstractmethod
    def check(self, scope: Scope, headers: Headers) -> None:
        """Raises ViewfinderError."""

    async def refused(self, error: ViewfinderError, scope: Scope, receive: Receive, send: Send) -> None:
        await refuse(error, scope, receive, send)


class Guarded:
    """An app that gets the requests which all of these guards let pass, in their order."""

    def __init__(self, app: ASGIApp, guards: Sequence[Guard]) -> None:
        self.app, self.guards = app, guards

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            for guard in self.guards:
                try:
                    guard.check(scope, headers)
                except ViewfinderError as error:
                    await guard.refused(error, scope, receive, send)
                    return
        await self.app(scope, receive, send)


class KnownHost(Guard):
    """The Host header must name this computer, so that a web page cannot reach us by rebinding its own name
    to our address (CVE-2024-28224).

    Loopback names and the names in `hosts` are allowed. When `hosts` has a wildcard address (0.0.0.0 or
    ::), every address is allowed as well: rebinding needs a name.
    """

    def __init__(self, hosts: Collection[str]) -> None:
        self.names = {"localhost", *(host.lower().strip("[]") for host in hosts)}
        self.every_address = any(address.is_unspecified for address in map(_address, self.names) if address)

    def check(self, scope: Scope, headers: Headers) -> None:
        given = headers.getlist("host")
        name = _name_in(given[0]) if len(given) == 1 else ""
        if name in self.names or (
            (address := _address(name)) and (address.is_loopback or self.every_address)
        ):
            return
        raise Forbidden(
            "The request's Host header does not name this server.",
            hint="Use localhost or the address it listens on, or add the name to allowed_hosts.",
            code="host_not_allowed",
        )


class KnownOrigin(Guard):
    """A web page must be our own or in `origins`; programs other than browsers send no Origin.

    A page at one of the names `not_ours` is not our own, although it was loaded from this host and port: on
    a hostile network somebody else can answer for this computer's name, and rebind it afterwards.
    """

    def __init__(self, origins: Origins, not_ours: Collection[str] = ()) -> None:
        self.origins, self.not_ours = origins, frozenset(not_ours)

    def check(self, scope: Scope, headers: Headers) -> None:
        origin = headers.get("origin")
        if origin is None or origin in self.origins:
            return
        host = headers.get("host", "")
        is_ours = _name_in(host) not in ("", *self.not_ours)
        if is_ours and origin in (f"http://{host}", f"https://{host}"):
            return
        raise Forbidden(
            "Web pages of this origin may not use this server.",
            hint="Add its origin to allowed_origins.",
            code="origin_not_allowed",
        )


class KeyNeeded(Guard):
    """Where there are keys, every path but the open ones needs one, or the session of a browser that has
    signed in with one; a key in the URL is ignored. Whose it is stands in the scope, for the metrics.

    `has_pages`: a browser that asks for a page is sent to the one where it signs in.
    """

    def __init__(self, keys: Keys, sessions: Sessions | None = None, *, has_pages: bool = False) -> None:
        self.keys, self.sessions, self.has_pages = keys, sessions or Sessions(keys), has_pages

    def check(self, scope: Scope, headers: Headers) -> None:
        needs_key = self.keys.are_needed
        scope[IS_ADMIN] = not needs_key
        if not needs_key or scope["path"] in OPEN_PATHS:
            return
        owner = self.keys.owner_of(headers)
        if owner is None and (owner := self.sessions.owner_in(headers)):
            scope[BY_SESSION] = True
        if owner is not None:
            scope[KEY_OWNER], scope[IS_ADMIN] = owner.name, owner.is_admin
        elif not (self.has_pages and is_open_page(scope["path"])):
            raise Unauthorized(
                "The API key is missing or wrong.",
                hint="Send the header 'Authorization: Bearer KEY' (or 'x-api-key: KEY').",
            )

    async def refused(self, error: ViewfinderError, scope: Scope, receive: Receive, send: Send) -> None:
        if not self.has_pages or not wants_page(scope) or scope["path"].startswith("/v1/"):
            await refuse(error, scope, receive, send)
            return
        place = sign_in_path(scope)
        response: Response = RedirectResponse(place, 303)
        if Headers(scope=scope).get("hx-request"):  # a part of a page: the whole one has to go there
            response = response_to(error, scope)
            response.headers["hx-redirect"] = place
        await response(scope, receive, send)


class JsonOnly(Guard):
    """A body must be declared as JSON: browsers send a page's plain form or text without asking us first.
    It must not be compressed: a few KB could become gigabytes. To sign in is a plain form, for browsers
    without scripts: `KnownOrigin` says whose. A command under /fleet has no body, and declares none.

    Where no route takes the request, what is wrong is its path or its method, which the router says.
    """

    def check(self, scope: Scope, headers: Headers) -> None:
        if scope["method"] not in ("POST", "PUT", "PATCH"):
            return
        fault = self._fault(scope, headers)
        if fault is not None and _is_taken(scope):
            raise fault

    def _fault(self, scope: Scope, headers: Headers) -> Forbidden | None:
        given_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        is_form = given_type == FORM_TYPE and scope["path"] in FORM_PATHS
        if not given_type and scope["path"].startswith("/fleet/") and not _has_body(headers):
            return None
        if given_type != "application/json" and not is_form:
            return Forbidden(
                "The request's content type is not application/json.",
                hint="Send the header 'Content-Type: application/json'.",
                code="unsupported_media_type",
            )
        given = ",".join(headers.getlist("content-encoding")).split(",")
        encodings = [name.strip().lower() for name in given]
        if compressed := [name for name in encodings if name not in ("", "identity")]:
            return Forbidden(
                f"The request's body is compressed or encoded ({quoted(compressed[0])}).",
                hint="Send it as it is, without the header Content-Encoding.",
                code="unsupported_encoding",
            )
        return None


class WholeBody:
    """Reads the whole body, within its size limit and its time limit, before the app gets the request."""

    def __init__(self, app: ASGIApp, limits: Limits, holdings: Holdings) -> None:
        self.app = app
        self.limits = limits
        self.holdings = holdings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        with self.holdings.one(sender(scope).name, scope) as holding:
            try:
                most = FORM_BYTES if scope["path"] in FORM_PATHS else self.limits.body_bytes
                body = await self._read(Headers(scope=scope), receive, holding, most)
                again = _receive_again(body, receive)
            except ViewfinderError as error:
                await refuse(error, scope, receive, send)
            except ClientDisconnect:
                return
            else:
                await self.app(scope, again, send)

    async def _read(self, headers: Headers, receive: Receive, holding: Holding, most_bytes: int) -> bytearray:
        declared = headers.get("content-length", "0")
        # Python reads no number of more than 4,300 digits.
        if not declared.isdecimal() or len(declared) > 18 or int(declared) > most_bytes:
            raise self._too_large(most_bytes)
        body = bytearray()
        try:
            async with asyncio.timeout(self.limits.receive_timeout_s) as timeout:
                holding.arrives_within(timeout)
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientDisconnect
                    holding.grow(len(message.get("body", b"")))
                    body += message.get("body", b"")
                    if len(body) > most_bytes:
                        raise self._too_large(most_bytes)
                    more = message.get("more_body", False)
        except TimeoutError:
            _drop(body, holding)
            if holding.was_cut_off:
                raise overloaded() from None
            raise BadRequest(
                f"The request's body did not arrive within {self.limits.receive_timeout_s:g} s.",
                hint="Send it faster, or raise limits.receive_timeout_s.",
                code="request_timeout",
            ) from None
        except ViewfinderError:
            _drop(body, holding)
            raise
        finally:
            holding.has_arrived()
        return body

    def _too_large(self, most_bytes: int) -> RequestTooLarge:
        return RequestTooLarge(
            f"The request's body is larger than {most_bytes} bytes.",
            hint="Send fewer or smaller images, or raise limits.body_bytes.",
        )


def _drop(body: bytearray, holding: Holding) -> None:
    """Forget a refused body at once: the error still refers to it, and its answer may take a while."""
    body.clear()
    holding.release()


async def refuse(
    error: ViewfinderError, scope: Scope, receive: Receive, send: Send, *, close: bool = False
) -> None:
    """Answer a refused request, and close its connection when it has a body, or when told to.

    The rest of the body is read and dropped for a moment first: a connection that is closed on unread bytes
    is reset, and the client would lose the answer (RFC 9112, 9.6).
    """
    response = response_to(error, scope)
    scope[AT_THE_DOOR] = True
    headers = Headers(scope=scope)
    if close or "content-length" in headers or "transfer-encoding" in headers:
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


def _receive_again(body: bytearray, receive: Receive) -> Receive:
    """A `receive` that gives the body that was read, then waits for the client to disconnect.

    It is not copied: to copy 64 MiB would hold up every request for 20 ms.
    """
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _has_body(headers: Headers) -> bool:
    return headers.get("content-length", "0") != "0" or "transfer-encoding" in headers


def _is_taken(scope: Scope) -> bool:
    return any(route.matches(scope)[0] is Match.FULL for route in scope["app"].routes)


def _name_in(host: str) -> str:
    """The name or the address of a Host header; "" when it is none."""
    match = _HOST.fullmatch(host.lower())
    return match["six"] or match["name"] if match else ""


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
