"""What other pages can make a browser send, and what a signed-in one must not be able to do; on the wire.

The form to sign in and the files are those of the dashboard.
"""

import json
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

import pytest
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from tests.hostile.raw import KEY, Gateway, Reply, check, request, running
from viewfinder.dashboard.render import STATIC
from viewfinder.dashboard.sign_in import SignIn
from viewfinder.gateway.guards import FORM_BYTES, FORM_TYPE
from viewfinder.gateway.keys import KeyFile
from viewfinder.gateway.page_routes import PageRoute
from viewfinder.gateway.sessions import SESSION_COOKIE, TOKEN_COOKIE, Sessions

HTML = "text/html,*/*;q=0.8"
PIN = "POST /fleet/models/glimpse/pin"
COMMANDS = [f"POST /fleet/models/glimpse/{verb}" for verb in ("load", "unload", "pin", "unpin")]
TOKEN = "t" * 43
STRANGERS = ("https://evil.example", "null", "http://localhost:1", "http://127.0.0.1")


def pages(sessions: Sessions) -> Sequence[BaseRoute]:
    sign_in = SignIn(sessions)
    return [
        PageRoute("/", sign_in.form),
        PageRoute("/login", sign_in.form),
        Route("/login", sign_in.enter, methods=["POST"]),
        Route("/logout", sign_in.leave, methods=["POST"]),
        Mount("/static", StaticFiles(directory=STATIC)),
    ]


@dataclass
class Signed:
    """A gateway with keys, and the sessions of two browsers."""

    gateway: Gateway
    file: KeyFile
    admin: str
    ask: str

    def send(self, line: str, body: bytes = b"", **headers: str) -> Reply:
        """Without a key, unless it is among the headers."""
        return self.gateway.send(request(line, body, **{"authorization": "", **headers}))

    def form(self, line: str, fields: dict[str, str], **headers: str) -> Reply:
        return self.send(line, urlencode(fields).encode(), content_type=FORM_TYPE, **headers)


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signed]:
    folder = tmp_path_factory.mktemp("browsers")
    file = KeyFile(folder / "keys.json")
    keys = file.add("desk", admin=True), file.add("phone")
    with running(folder, api_key=KEY, pages=pages, keys=file) as gateway:
        admin, ask = (sign_in(gateway, key) for key in keys)
        yield Signed(gateway, file, admin, ask)
        assert gateway.refused is None


@pytest.fixture
def signed(one: Signed) -> Iterator[Signed]:
    """After each test, the fleet is as it was."""
    yield one
    assert json.loads(one.send("GET /fleet", x_api_key=KEY).body)["servers"] == []


def sign_in(gateway: Gateway, key: str) -> str:
    """The cookie of a new session."""
    reply = gateway.send(
        request("POST /login", urlencode({"key": key}).encode(), content_type=FORM_TYPE, authorization="")
    )
    assert reply.status == 303
    cookie, *flags = reply.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "Path=/", "SameSite=strict"} <= set(flags)
    return cookie


def test_other_pages_cannot_change_anything(signed: Signed) -> None:
    """With the session and even the token of the user, who is signed in as an admin."""
    cookie = f"{signed.admin}; {TOKEN_COOKIE}={TOKEN}"
    for origin in STRANGERS:
        for line in (
            *COMMANDS,
            "POST /v1/chat/completions",
            "POST /login",
            "POST /logout",
            "DELETE /fleet/x",
        ):
            reply = signed.send(line, b"{}", origin=origin, cookie=cookie, x_viewfinder_token=TOKEN)
            check(reply, 403, "origin_not_allowed")
        check(signed.send("GET /fleet", origin=origin, cookie=cookie), 403, "origin_not_allowed")
        check(signed.send("GET /fleet/stream", origin=origin, cookie=cookie), 403, "origin_not_allowed")


def test_a_missing_or_stale_token(signed: Signed) -> None:
    for kept, given in (
        ("", ""),
        ("", TOKEN),
        (TOKEN, ""),
        (TOKEN, "s" * 43),
        (TOKEN, TOKEN + "t"),
        ("", "t"),
        ("t", "t"),
        ("x" * 60, "x" * 60),
        ("%74" * 43, TOKEN),
    ):
        for line in COMMANDS:
            cookie = f"{signed.admin}; {TOKEN_COOKIE}={kept}"
            reply = signed.send(line, cookie=cookie, x_viewfinder_token=given, content_type="")
            check(reply, 403, "token_missing")
            assert "Reload the page" in reply.error["message"]


def test_where_no_key_is_needed_a_page_needs_the_token(tmp_path: Path) -> None:
    with running(tmp_path, pages=pages) as gateway:
        own = f"http://localhost:{gateway.port}"
        host = own.removeprefix("http://")
        for headers in (
            {"origin": own, "host": host},
            {"sec_fetch_site": "same-origin"},
            {"sec_fetch_site": "cross-site"},
            {"cookie": f"{SESSION_COOKIE}=of another Viewfinder"},
            {"cookie": f"{TOKEN_COOKIE}={TOKEN}", "sec_fetch_site": "same-origin"},
        ):
            for line in COMMANDS:
                reply = gateway.send(request(line, b"{}", authorization="", **headers))
                check(reply, 403, "token_missing")
        view = json.loads(gateway.send(request("GET /fleet", authorization="")).body)
        assert view["servers"] == []
        right = {
            "cookie": f"{TOKEN_COOKIE}={TOKEN}",
            "x_viewfinder_token": TOKEN,
            "origin": own,
            "host": host,
        }
        assert gateway.send(request(PIN, b"{}", authorization="", **right)).status == 200
        assert gateway.send(request(PIN, authorization="", content_type="")).status == 200


def test_a_session_alone_asks_no_model(signed: Signed) -> None:
    body = json.dumps({"model": "nobody", "messages": [{"role": "user", "content": "Hi"}]}).encode()
    for path in ("chat/completions", "responses", "messages", "completions", "chat/completions/input_tokens"):
        reply = signed.send(f"POST /v1/{path}", body, cookie=signed.ask)
        assert (reply.status, reply.error.get("code")) == (403, "token_missing"), path
    both = f"{signed.ask}; {TOKEN_COOKIE}={TOKEN}"
    check(
        signed.send("POST /v1/chat/completions", body, cookie=both, x_viewfinder_token=TOKEN),
        404,
        "model_not_found",
        "model",
    )
    assert signed.send("GET /v1/models", cookie=signed.ask).status == 200


def test_values_that_are_no_session(signed: Signed) -> None:
    until, signature, name = signed.ask.partition("=")[2].split(".")
    values = (
        "",
        "=",
        "x",
        f"{until}.{signature}.desk",
        f"{int(until) + 9}.{signature}.{name}",
        f"{until}.{signature[::-1]}.{name}",
        f"{until}.{'A' * 43}.settings",
        "9" * 30_000,
        "\u00e9\u00ff",
        '"quoted; and"',
        "a=b=c",
        "../../keys.json",
    )
    for value in values:
        reply = signed.send("GET /v1/models", cookie=f"{SESSION_COOKIE}={value}")
        check(reply, 401, "invalid_api_key")
        assert value[:20] == "" or value[:20] not in reply.error["message"] or len(value) < 2
    in_url = signed.send(f"GET /v1/models?{signed.ask}")
    check(in_url, 401, "invalid_api_key")
    as_key = signed.send("GET /v1/models", x_api_key=signed.ask.partition("=")[2])
    check(as_key, 401, "invalid_api_key")


def test_cookies_of_others_are_no_error(signed: Signed) -> None:
    """A browser sends to localhost whatever any program on any port of it has set."""
    began_s = time.monotonic()
    for cookies in (
        ";" * 30_000,
        "a=b;" * 10_000,
        f"{SESSION_COOKIE}=x;" * 2000 + signed.ask,
        "=;=;==;;=",
        'a="\\"; b=\t; \u00e9=\u00e9',
        f"{TOKEN_COOKIE}=<script>; {TOKEN_COOKIE}=",
    ):
        assert signed.send("GET /", cookie=cookies, accept=HTML, x_api_key=KEY).status == 200
        assert signed.send("GET /fleet", cookie=cookies, x_api_key=KEY).status == 200
        assert signed.send("GET /login", cookie=cookies, accept=HTML).status == 200
    assert signed.send("GET /v1/models", cookie=f"{SESSION_COOKIE}=x; {signed.ask}").status == 200
    assert time.monotonic() - began_s < 5


def test_a_session_ends_at_once_with_its_key(signed: Signed) -> None:
    key = signed.file.add("lost", admin=True)
    cookie = sign_in(signed.gateway, key)
    assert signed.send("GET /fleet/events", cookie=cookie).status == 200
    signed.file.remove("lost")
    check(signed.send("GET /fleet/events", cookie=cookie), 401, "invalid_api_key")
    signed.file.add("lost", admin=True)
    check(signed.send("GET /fleet/events", cookie=cookie), 401, "invalid_api_key")
    signed.file.remove("lost")


@pytest.mark.parametrize(
    "place",
    [
        "//evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "/\t/evil.example",
        "\t//evil.example",
        "/a\r\nset-cookie: a=b",
        "/\u0000",
        "evil.example",
        "@evil.example",
        " //evil.example",
    ],
)
def test_signing_in_leads_to_this_server_only(signed: Signed, place: str) -> None:
    reply = signed.form("POST /login", {"key": KEY, "next": place})
    assert (reply.status, reply.headers["location"]) == (303, "/")
    assert "a=b" not in reply.headers["set-cookie"]
    shown = signed.send(f"GET /login?{urlencode({'next': place})}", accept=HTML)
    assert shown.status == 200
    assert b"evil" not in shown.body.partition(b"<form")[2].partition(b"</form")[0]


def test_only_our_own_form_signs_in(signed: Signed) -> None:
    for origin in STRANGERS:
        reply = signed.form("POST /login", {"key": KEY}, origin=origin)
        check(reply, 403, "origin_not_allowed")
        assert "set-cookie" not in reply.headers
    for fields in (
        {"key": "wrong"},
        {},
        {"key": ""},
        {"key": "\u0000"},
        {"key": f"{KEY}x"},
    ):
        reply = signed.form("POST /login", fields)
        assert reply.status == 401
        assert SESSION_COOKIE not in reply.headers.get("set-cookie", "")


def test_a_form_before_the_key_is_small(signed: Signed) -> None:
    check(signed.form("POST /login", {"key": "x" * FORM_BYTES}), 413, "request_too_large")
    head = request("POST /login", content_type=FORM_TYPE, authorization="", transfer_encoding="chunked")
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    reply = signed.gateway.send(head + chunk * (FORM_BYTES // 4096 + 2))
    check(reply, 413, "request_too_large")
    part = b'--x\r\ncontent-disposition: form-data; name="key"\r\n\r\n' + KEY.encode() + b"\r\n--x--\r\n"
    for kind in ("multipart/form-data; boundary=x", "text/plain"):
        check(signed.send("POST /login", part, content_type=kind), 415, "unsupported_media_type")


def test_a_key_that_may_only_ask_at_what_admins_do(signed: Signed) -> None:
    token = {"cookie": f"{signed.ask}; {TOKEN_COOKIE}={TOKEN}", "x_viewfinder_token": TOKEN}
    for line in (
        *COMMANDS,
        "GET /fleet/events",
        "GET /fleet/suspects",
        "GET /fleet/stream",
        "GET /fleet/models/glimpse/logs",
        "GET /fleet/post-mortems/../../keys.json",
        "GET /fleet/post-mortems/%2e%2e%2fkeys.json",
        "GET /fleet//events",
        "GET /%66leet/events",
        "POST /fleet/pulls",
        "DELETE /fleet/bench",
        "POST /fleet/questions",
        "GET /fleet/models/../events",
    ):
        check(signed.send(line, **token), 403, "admin_key_required")


def test_a_name_that_is_pointed_at_this_computer(signed: Signed, tmp_path: Path) -> None:
    """DNS rebinding: the browser takes the page for one of ours, and lets it send anything."""
    for host in ("evil.example", f"evil.example:{signed.gateway.port}"):
        for line in ("GET /", "GET /login", "GET /fleet", "GET /static/style.css", *COMMANDS):
            reply = signed.send(line, host=host, origin=f"http://{host}", cookie=signed.admin, accept=HTML)
            check(reply, 403, "host_not_allowed")
    name = socket.gethostname().lower()
    with running(tmp_path, pages=pages) as gateway:
        for line in COMMANDS:
            own = {"host": name, "origin": f"http://{name}", "cookie": f"{TOKEN_COOKIE}={TOKEN}"}
            reply = gateway.send(request(line, b"{}", authorization="", x_viewfinder_token=TOKEN, **own))
            assert reply.status == 403


def test_files_of_the_pages_are_all_that_is_shown(signed: Signed) -> None:
    for path in (
        "/static/../render.py",
        "/static/..%2frender.py",
        "/static/%2e%2e/templates/base.html.j2",
        "/static//etc/passwd",
        "/static/....//....//etc/passwd",
        "/static/\\..\\render.py",
        "/static/%00",
        "/static/",
        "/static/nothing.css",
    ):
        reply = signed.send(f"GET {path}", accept=HTML)
        assert reply.status in (303, 404), path
    assert signed.send("GET /static/style.css").status == 200
    check(signed.send("GET /static"), 401, "invalid_api_key")


def test_thousands_of_ranges_of_a_file(signed: Signed) -> None:
    began_s = time.monotonic()
    for ranges in (",".join(f"{at}-" for at in range(9000)), ",".join(["0-"] * 15_000), "0-0," * 9000):
        reply = signed.send("GET /static/style.css", range=f"bytes={ranges}")
        assert reply.status in (200, 206, 400, 416, 431)
        assert len(reply.body) < 1_000_000
    assert time.monotonic() - began_s < 2
