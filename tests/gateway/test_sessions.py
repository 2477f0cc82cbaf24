"""Sessions and tokens: signed values that end with their key, in cookies among those of other programs."""

from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response

from viewfinder.gateway.keys import OF_SETTINGS, KeyFile, KeyOwner, Keys
from viewfinder.gateway.sessions import (
    SESSION_COOKIE,
    SESSION_S,
    TOKEN_COOKIE,
    Sessions,
    cookies,
    end_session,
    local_path,
    new_secret,
    set_session,
    set_token,
    token_of,
)


class Clock:
    def __init__(self) -> None:
        self.at_s = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at_s


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys.json")


def request(*, scheme: str = "http", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request(
        {"type": "http", "scheme": scheme, "server": ("localhost", 1), "path": "/", "headers": raw}
    )


def test_a_key_opens_a_session_of_its_owner(file: KeyFile) -> None:
    desk, phone = file.add("desk", admin=True), file.add("phone")
    sessions = Sessions(Keys("main", file))
    opened = [sessions.owner_of(sessions.open(key)) for key in (desk, phone, "main")]
    assert opened == [KeyOwner("desk", True), KeyOwner("phone", False), KeyOwner(OF_SETTINGS, True)]
    assert [sessions.open(key) for key in ("", "wrong", desk + "x", "é")] == [""] * 4


def test_a_session_ends_after_a_week(file: KeyFile) -> None:
    clock = Clock()
    sessions = Sessions(Keys("main"), now_s=clock)
    session = sessions.open("main")
    clock.at_s += SESSION_S - 1
    assert sessions.owner_of(session)
    clock.at_s += 1
    assert sessions.owner_of(session) is None


def test_a_session_ends_with_its_key(file: KeyFile) -> None:
    sessions = Sessions(Keys("main", file))
    session = sessions.open(file.add("desk", admin=True))
    assert sessions.owner_of(session)
    file.remove("desk")
    assert sessions.owner_of(session) is None
    file.add("desk", admin=True)
    assert sessions.owner_of(session) is None, "it is another key"


def test_a_session_survives_new_settings_but_not_a_new_key_in_them() -> None:
    secret = new_secret()
    session = Sessions(Keys("main"), secret).open("main")
    assert Sessions(Keys("main"), secret).owner_of(session)
    assert Sessions(Keys("other"), secret).owner_of(session) is None
    assert Sessions(Keys(), secret).owner_of(session) is None
    assert Sessions(Keys("main")).owner_of(session) is None, "another process"


def test_no_changed_value_is_a_session(file: KeyFile) -> None:
    file.add("desk", admin=True)
    sessions = Sessions(Keys("main", file))
    session = sessions.open(file.add("phone"))
    until, signature, _ = session.split(".")
    forged = [
        f"{until}.{signature}.desk",
        f"{until}.{signature}.{OF_SETTINGS}",
        f"{int(until) + 1}.{signature}.phone",
        f"{until}.{signature[:-1]}.phone",
        f"{until}.{'A' * 43}.phone",
        f"{until}..phone",
        f"{until}.{signature}.gone",
        f"{'9' * 5000}.{signature}.phone",
        f"\u0661.{signature}.phone",
        f"{session}\n",
        "",
        ".",
        "\x00",
        "é" * 43,
    ]
    assert [value for value in forged if sessions.owner_of(value)] == []


def test_cookies_of_other_programs_are_ignored() -> None:
    """Cookies are not separated by port: a browser sends here what any server at localhost has set."""
    good = "t" * 43
    for line in (
        f"theirs=1; {TOKEN_COOKIE}={good}",
        f"{TOKEN_COOKIE}=short; {TOKEN_COOKIE}={good}; x",
        f'=; ;;; a="; {TOKEN_COOKIE}={good}',
        f"{TOKEN_COOKIE}{TOKEN_COOKIE}={good}x;{TOKEN_COOKIE}={good}",
    ):
        assert token_of(request(cookie=line)) == good, line
    for line in ("", "=", ";", f"{TOKEN_COOKIE}=", f"{TOKEN_COOKIE}=<script>", f"{TOKEN_COOKIE}={good}x"):
        first, second = token_of(request(cookie=line)), token_of(request(cookie=line))
        assert len({first, second, good}) == 3, line
    many = "; ".join(f"{SESSION_COOKIE}={number}" for number in range(5000))
    assert len(list(cookies(Headers({"cookie": many}), SESSION_COOKIE))) < 10


@pytest.mark.parametrize(
    ("asked", "secure"),
    [
        ({}, False),
        ({"scheme": "https"}, True),
        ({"x_forwarded_proto": "https"}, True),
        ({"x_forwarded_proto": "http"}, False),
        ({"origin": "https://box.lan"}, True),
        ({"origin": "http://localhost:1"}, False),
    ],
)
def test_cookies_are_strict_and_secure_by_https(asked: dict[str, Any], secure: bool) -> None:
    response = Response()
    set_session(response, request(**asked), "value")
    set_token(response, request(**asked), "token")
    end_session(response)
    lines = response.headers.getlist("set-cookie")
    assert [line.partition("=")[0] for line in lines] == [SESSION_COOKIE, TOKEN_COOKIE, SESSION_COOKIE]
    assert all("HttpOnly" in line and "SameSite=strict" in line and "Path=/" in line for line in lines)
    assert ["Secure" in line for line in lines[:2]] == [secure] * 2
    assert "Max-Age=604800" in lines[0]
    assert "Max-Age=0" in lines[2]


@pytest.mark.parametrize(
    "given",
    [
        "",
        "models",
        "//evil.example",
        "/\\evil.example",
        "///evil.example",
        "/\t/evil.example",
        "\t//evil.example",
        "/\n/evil.example",
        "https://evil.example/",
        "javascript:alert(1)",
        "\\\\evil.example",
        "/a\r\nset-cookie: x=y",
        "/models\\..\\..",
    ],
)
def test_nobody_is_sent_to_another_server(given: str) -> None:
    assert local_path(given) == "/"


@pytest.mark.parametrize(
    "given", ["/", "/models", "/results/1/m?x=//y", "/models/hf%3Aa/b", "/fleet#servers"]
)
def test_a_path_of_this_server_is_kept(given: str) -> None:
    assert local_path(given) == given
