"""The checks of a request, guard by guard; tests/hostile sends the same over raw sockets."""

from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.routing import Route

from viewfinder.core.config import Limits
from viewfinder.core.errors import Forbidden, Unauthorized
from viewfinder.gateway.guards import JsonOnly, KeyNeeded, KnownHost, KnownOrigin, WholeBody
from viewfinder.gateway.holdings import Holdings
from viewfinder.gateway.keys import Keys
from viewfinder.gateway.origins import Origins


async def app(*_: Any) -> None:
    raise AssertionError("a guard's check calls nobody")


def scope(method: str = "POST", path: str = "/v1/chat/completions") -> dict[str, Any]:
    routes = [Route("/v1/chat/completions", app, methods=["POST", "PUT", "PATCH"])]
    return {"type": "http", "method": method, "path": path, "app": Starlette(routes=routes)}


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8080",
        "127.0.0.1:8080",
        "127.9.9.9",
        "[::1]:8080",
        "[::1]",
        "box.lan:80",
        "10.0.0.7",
    ],
)
def test_hosts_that_name_this_computer(host: str) -> None:
    KnownHost(["10.0.0.7", "Box.lan"]).check(scope(), Headers({"host": host}))


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example",
        "evil.example:8080",
        "127.0.0.1.evil.example",
        "localhost.evil.example",
        "localhost@evil.example",
        "evil.example#@localhost",
        "localhost/../evil.example",
        "localhost:80:80",
        "[::1",
        "[evil.example]",
        "[::1]evil",
        "10.0.0.8",
        "192.168.0.1",
        "2130706433",
        "0x7f.1",
        "localhost\x00",
    ],
)
def test_hosts_that_do_not_name_this_computer(host: str) -> None:
    with pytest.raises(Forbidden) as refused:
        KnownHost(["10.0.0.7"]).check(scope(), Headers({"host": host}))
    assert refused.value.reason == "host_not_allowed"


@pytest.mark.parametrize("raw", [[], [(b"host", b"localhost"), (b"host", b"localhost")]], ids=["none", "two"])
def test_there_is_exactly_one_host(raw: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(Forbidden):
        KnownHost([]).check(scope(), Headers(raw=raw))


@pytest.mark.parametrize("bind", ["0.0.0.0", "::"])
def test_on_every_address_addresses_are_allowed_and_other_names_are_not(bind: str) -> None:
    guard = KnownHost([bind])
    guard.check(scope(), Headers({"host": "192.168.0.1:8080"}))
    guard.check(scope(), Headers({"host": "[fe80::1]:8080"}))
    with pytest.raises(Forbidden):
        guard.check(scope(), Headers({"host": "evil.example"}))


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://app.example"},
        {"origin": "http://localhost:8080", "host": "localhost:8080"},
        {"origin": "https://box.lan", "host": "box.lan"},
    ],
)
def test_origins_that_are_allowed(headers: dict[str, str]) -> None:
    KnownOrigin(Origins(["https://app.example"])).check(scope(), Headers(headers))


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "http://app.example",
        "https://app.example.evil.example",
        "http://localhost:3000",
        "null",
        "",
        "*",
    ],
)
def test_origins_that_are_not_allowed(origin: str) -> None:
    guard = KnownOrigin(Origins(["https://app.example"]))
    with pytest.raises(Forbidden) as refused:
        guard.check(scope(), Headers({"origin": origin, "host": "localhost:8080"}))
    assert refused.value.reason == "origin_not_allowed"


@pytest.mark.parametrize("host", ["box", "box:8080", "box.local", "BOX:8080"])
def test_a_page_at_this_computers_name_is_not_our_own(host: str) -> None:
    """On a hostile network somebody else may have answered for that name, and rebound it afterwards."""
    guard = KnownOrigin(Origins(), ["box", "box.local"])
    guard.check(scope(), Headers({"host": host}))
    guard.check(scope(), Headers({"host": "localhost:1", "origin": "http://localhost:1"}))
    for origin in (f"http://{host}", f"https://{host}"):
        with pytest.raises(Forbidden) as refused:
            guard.check(scope(), Headers({"host": host, "origin": origin}))
        assert refused.value.reason == "origin_not_allowed"
    KnownOrigin(Origins([f"http://{host}"]), ["box"]).check(
        scope(), Headers({"host": host, "origin": f"http://{host.lower()}"})
    )


@pytest.mark.parametrize("authorization", ["Bearer k\u00e9y", "bearer k\u00e9y", "BEARER  k\u00e9y "])
def test_the_key_is_accepted(authorization: str) -> None:
    raw = [(b"authorization", authorization.encode())]
    KeyNeeded(Keys("kéy")).check(scope(), Headers(raw=raw))


@pytest.mark.parametrize("name", [b"x-api-key", b"api-key"])
def test_the_key_is_accepted_under_the_names_that_sdks_use(name: bytes) -> None:
    guard, sent = KeyNeeded(Keys("kéy")), (name, "kéy".encode())
    guard.check(scope(), Headers(raw=[sent]))
    guard.check(scope(), Headers(raw=[(b"authorization", b"Bearer old"), sent]))
    with pytest.raises(Unauthorized):
        guard.check(scope(), Headers(raw=[(name, b"Bearer key")]))


def test_without_any_key_all_may_pass_only_where_nobody_else_can_reach_us() -> None:
    KeyNeeded(Keys()).check(scope(), Headers())
    with pytest.raises(Unauthorized):
        KeyNeeded(Keys(is_closed=True)).check(scope(), Headers({"authorization": "Bearer "}))


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer ", "Bearer ke", "Bearer keyy", "Basic key", "key"]
)
def test_anything_else_is_not(authorization: str) -> None:
    with pytest.raises(Unauthorized):
        KeyNeeded(Keys("key")).check(scope(), Headers({"authorization": authorization}))


def test_probes_need_no_key() -> None:
    KeyNeeded(Keys("key")).check(scope("GET", "/health"), Headers())
    KeyNeeded(Keys("key")).check(scope("GET", "/ready"), Headers())
    with pytest.raises(Unauthorized):
        KeyNeeded(Keys("key")).check(scope("GET", "/health/"), Headers())


@pytest.mark.parametrize("length", ["9" * 5000, "9" * 30, "-1", "1e3", "\u00b2", ""])
async def test_a_length_that_is_no_length_is_refused(length: str) -> None:
    """Python reads no number of more than 4,300 digits: it raised ValueError."""
    guarded = WholeBody(app, Limits(), Holdings(1))
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"content-length", length.encode("latin-1"))]
    await guarded(scope() | {"headers": headers}, receive, send)
    assert sent[0]["status"] == 413


@pytest.mark.parametrize("given", ["application/json", "Application/JSON; charset=utf-8"])
def test_json_is_taken(given: str) -> None:
    JsonOnly().check(scope(), Headers({"content-type": given}))


@pytest.mark.parametrize(
    "given", ["", "text/plain", "application/x-www-form-urlencoded", "text/plain;application/json"]
)
def test_what_a_page_can_post_without_a_preflight_is_not(given: str) -> None:
    with pytest.raises(Forbidden) as refused:
        JsonOnly().check(scope(), Headers({"content-type": given}))
    assert refused.value.reason == "unsupported_media_type"
