"""Fuzz targets of the gateway's readers of headers: who may pass, by host, origin, key, type and length."""

import ipaddress
import re
from collections.abc import Callable

from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from viewfinder.core.config import Limits
from viewfinder.core.errors import Forbidden, RequestTooLarge, Unauthorized, ViewfinderError
from viewfinder.gateway.guards import Guard, JsonOnly, KeyNeeded, KnownHost, KnownOrigin, WholeBody
from viewfinder.gateway.holdings import Holdings
from viewfinder.gateway.keys import Keys
from viewfinder.gateway.origins import Origins

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

    if passes(KnownHost(_nobody, ["example.org"]), Forbidden):
        require(_is_ours(headers.getlist("host")), f"a host passes: {raw}")
    if passes(KnownHost(_nobody, OWN_NAMES), Forbidden):
        require(_is_ours(headers.getlist("host"), any_address=True), f"a host passes: {raw}")
    if passes(KnownOrigin(_nobody, Origins([OWN_ORIGIN, "app://"]), ["box"]), Forbidden):
        origins, hosts = headers.getlist("origin"), headers.getlist("host")
        own = {OWN_ORIGIN, *(f"{scheme}://{host}" for host in hosts for scheme in ("http", "https"))}
        own -= {origin for origin in own if re.match(r"https?://box(:|$)", origin, re.IGNORECASE)}
        passed = not origins or origins[0] in own or origins[0].startswith("app://")
        require(passed, f"an origin passes: {raw}")
    if passes(KeyNeeded(_nobody, Keys(KEY)), Unauthorized):
        require(any(KEY.encode() in value for _, value in raw), f"it passes without the key: {raw}")
    if passes(JsonOnly(_nobody), Forbidden):
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
        reading = body._read(headers, receive, holding)  # type: ignore[arg-type]
        attempt(lambda: _until_it_waits(reading.send), RequestTooLarge)


def _until_it_waits(send: Callable[[None], object]) -> None:
    try:
        send(None)
    except (StopIteration, RuntimeError):  # it has ended, or has no loop to wait in
        return
