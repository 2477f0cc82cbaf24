"""Fuzz targets of the gateway's readers: bytes of a connection, who may pass by their headers, other APIs."""

import ipaddress
import re
from collections.abc import Callable
from typing import Any

import httptools
import orjson
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from viewfinder.core.config import Limits
from viewfinder.core.errors import BadRequest, Forbidden, RequestTooLarge, Unauthorized, ViewfinderError
from viewfinder.fleet.record.answers import Answers
from viewfinder.gateway.guards import Guard, JsonOnly, KeyNeeded, KnownHost, KnownOrigin, WholeBody
from viewfinder.gateway.holdings import Holdings
from viewfinder.gateway.kept import KeptTurns
from viewfinder.gateway.keys import Keys
from viewfinder.gateway.origins import Origins
from viewfinder.gateway.request_parser import RequestParser
from viewfinder.gateway.responses import ResponsesDialect
from viewfinder.wire.anthropic import Anthropic
from viewfinder.wire.chat import ParsedRequest, parse_request

from .client_targets import cut
from .oracle import attempt, require, require_harmless

KEY = "the key"
OWN_NAMES = ("example.org", "0.0.0.0")
OWN_ORIGIN = "https://example.org"
NAMES = {
    b"h": b"host",
    b"o": b"origin",
    b"a": b"authorization",
    b"x": b"x-api-key",
    b"k": b"api-key",
    b"c": b"content-type",
    b"l": b"content-length",
    b"e": b"content-encoding",
}
"""Each line of an input is a letter, and the value of that header."""


async def _nobody(scope: Scope, receive: Receive, send: Send) -> None:
    raise NotImplementedError


PATH = "/v1/chat/completions"
APP = Starlette(routes=[Route(PATH, _nobody, methods=["POST"])])


def pass_guards(data: bytes) -> None:
    """What passes is allowed by a second, simpler reading of the same headers."""
    lines = [line for line in data.split(b"\n") if line[:1] in NAMES][:50]
    raw = [(NAMES[line[:1]], line[1:]) for line in lines]
    scope: Scope = {"type": "http", "method": "POST", "path": PATH, "headers": raw, "app": APP}
    headers = Headers(scope=scope)

    def passes(guard: Guard, *errors: type[Exception]) -> bool:
        result = attempt(lambda: guard.check(dict(scope), headers), *errors)
        if isinstance(result.error, ViewfinderError):
            require_harmless(result.error)
        return result.error is None

    if passes(KnownHost(["example.org"]), Forbidden):
        require(_is_ours(headers.getlist("host")), f"a host passes: {raw}")
    if passes(KnownHost(OWN_NAMES), Forbidden):
        require(_is_ours(headers.getlist("host"), any_address=True), f"a host passes: {raw}")
    if passes(KnownOrigin(Origins([OWN_ORIGIN, "app://"]), ["box"]), Forbidden):
        origins, hosts = headers.getlist("origin"), headers.getlist("host")
        own = {OWN_ORIGIN, *(f"{scheme}://{host}" for host in hosts for scheme in ("http", "https"))}
        own -= {origin for origin in own if re.match(r"https?://box(:|$)", origin, re.IGNORECASE)}
        passed = not origins or origins[0] in own or origins[0].startswith("app://")
        require(passed, f"an origin passes: {raw}")
    if passes(KeyNeeded(Keys(KEY)), Unauthorized):
        require(any(KEY.encode() in value for _, value in raw), f"it passes without the key: {raw}")
    if passes(JsonOnly(), Forbidden):
        require("application/json" in headers.get("content-type", "").lower(), f"it is no JSON: {raw}")
        encodings = ",".join(headers.getlist("content-encoding")).lower().replace("identity", "")
        require(not encodings.strip(", \t"), f"it is compressed: {raw}")
    _declare(headers)


def _is_ours(hosts: list[str], *, any_address: bool = False) -> bool:
    """Whether the only Host header names us, read without the guard's expression."""
    if len(hosts) != 1:
        return False
    name = re.sub(r":\d*$", "", hosts[0].lower()) if not hosts[0].endswith("]") else hosts[0]
    try:
        address = ipaddress.ip_address(name.lower().strip("[]"))
    except ValueError:
        return name in ("localhost", "example.org")
    return address.is_loopback or any_address


def _declare(headers: Headers) -> None:
    """A length is read before anything of the body."""
    limits = Limits()
    holdings = Holdings(limits.held_bytes)
    body = WholeBody(_nobody, limits, holdings)

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    with holdings.one("somebody", {"type": "http", "client": ("127.0.0.1", 1)}) as holding:
        reading = body._read(headers, receive, holding, body.limits.body_bytes)  # type: ignore[arg-type]
        attempt(lambda: _until_it_waits(reading.send), RequestTooLarge)


def _until_it_waits(send: Callable[[None], object]) -> None:
    try:
        send(None)
    except (StopIteration, RuntimeError):  # it has ended, or has no loop to wait in
        return


class _Heard:
    """What a parser of requests has called, the pieces of a path or body put together."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, bytes, bytes]] = []

    def on_message_begin(self) -> None:
        self._called("begin")

    def on_url(self, url: bytes) -> None:
        self._called("url", url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._called("header", name, value)

    def on_headers_complete(self) -> None:
        self._called("headers complete")

    def on_body(self, body: bytes) -> None:
        self._called("body", body)

    def on_message_complete(self) -> None:
        self._called("complete")

    def _called(self, what: str, one: bytes = b"", other: bytes = b"") -> None:
        if what in ("url", "body") and self.calls and self.calls[-1][0] == what:
            one = self.calls.pop()[1] + one
        self.calls.append((what, one, other))


def read_connection(data: bytes) -> None:
    """Requests are the same wherever the bytes are cut, and with an offer to upgrade as without it."""
    cuts, stream = data[:4], data[4:]
    at_once, in_pieces = _heard([stream]), _heard(list(cut(stream, cuts)))
    require(at_once == in_pieces, f"{at_once} in one piece, {in_pieces} in several")
    plain = re.sub(rb"(?i)upgrade", b"upgradx", stream)
    without = [(what, one.lower(), other) for what, one, other in _heard([plain])[1]]
    offered = [
        (what, re.sub(rb"upgrade", b"upgradx", one.lower()), re.sub(rb"(?i)upgrade", b"upgradx", other))
        for what, one, other in at_once[1]
    ]
    require(without == offered, f"{at_once[1]} with an offer, {without} without")


def _heard(pieces: list[bytes]) -> tuple[bool, list[tuple[str, bytes, bytes]]]:
    """Whether it is HTTP, and what was heard of it: of what is none, the requests before it."""
    heard = _Heard()
    parser = RequestParser(heard)
    errors = (httptools.HttpParserError, httptools.HttpParserUpgrade)
    fed = attempt(lambda: [parser.feed_data(piece) for piece in pieces], *errors)
    if isinstance(fed.error, httptools.HttpParserError):
        require_harmless(parser.fault)
    while fed.error is not None and heard.calls and heard.calls[-1][0] != "complete":
        heard.calls.pop()
    return fed.error is None, heard.calls


LIMITS = Limits()
DIALECTS = (Anthropic(), ResponsesDialect(KeptTurns.nothing(), Answers(), LIMITS, "somebody"))


def translate(data: bytes) -> None:
    """A request of another API is refused by its own fault, or becomes one that an engine can get."""
    for dialect in DIALECTS:
        parsed = attempt(lambda dialect=dialect: parse_request(data, LIMITS, dialect), ViewfinderError)  # type: ignore[misc]
        if parsed.error is not None:
            require(isinstance(parsed.error, BadRequest | RequestTooLarge), f"it is {parsed.error!r}")
            require_harmless(parsed.error)  # type: ignore[arg-type]
            continue
        found: ParsedRequest = parsed.value
        images = ["data:image/png;base64,AAAA"] * len(found.request.image_parts())
        body: dict[str, Any] = orjson.loads(orjson.dumps(found.request.for_engine(images)))
        require(0 < len(body["messages"]) <= LIMITS.messages, "a number of messages that is not allowed")
