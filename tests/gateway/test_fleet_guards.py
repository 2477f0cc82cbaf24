"""Who may change what: sessions, admin keys and tokens, guard by guard and at a running gateway."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from yarl import URL

from viewfinder.core.errors import Forbidden, Unauthorized
from viewfinder.gateway.fleet_guards import AdminNeeded, TokenNeeded
from viewfinder.gateway.guards import FORM_BYTES, KeyNeeded
from viewfinder.gateway.keys import KeyFile, Keys
from viewfinder.gateway.page_routes import PageRoute
from viewfinder.gateway.sender import KEY_OWNER
from viewfinder.gateway.sessions import (
    BY_SESSION,
    IS_ADMIN,
    SESSION_COOKIE,
    TOKEN_COOKIE,
    TOKEN_HEADER,
    Sessions,
    set_session,
)

CHAT, LOAD = "/v1/chat/completions", "/fleet/models/both/load"
TOKEN = "t" * 43
BROWSER = {"accept": "text/html,*/*;q=0.8"}


async def app(*_: Any) -> None:
    raise AssertionError("a guard's check calls nobody")


def scope(method: str = "POST", path: str = LOAD, **more: Any) -> dict[str, Any]:
    return {"type": "http", "method": method, "path": path, **more}


def test_a_session_is_as_good_as_its_key(tmp_path: Path) -> None:
    file = KeyFile(tmp_path / "keys.json")
    keys, desk, phone = Keys("main", file), file.add("desk", admin=True), file.add("phone")
    sessions = Sessions(keys)
    guard = KeyNeeded(keys, sessions)
    for key, name, admin in ((desk, "desk", True), (phone, "phone", False), ("main", "settings", True)):
        by_header, by_session = scope(), scope()
        guard.check(by_header, Headers({"x-api-key": key}))
        guard.check(by_session, Headers({"cookie": f"a=b; {SESSION_COOKIE}={sessions.open(key)}"}))
        for one in (by_header, by_session):
            assert (one[KEY_OWNER], one[IS_ADMIN]) == (name, admin)
        assert (BY_SESSION in by_header, BY_SESSION in by_session) == (False, True)
    file.remove("phone")
    for garbage in (f"{SESSION_COOKIE}={sessions.open(phone)}", f"{SESSION_COOKIE}=x", "=;=;\x00"):
        with pytest.raises(Unauthorized):
            guard.check(scope(), Headers({"cookie": garbage}))


def test_where_no_key_is_needed_everybody_is_admin() -> None:
    asked = scope()
    KeyNeeded(Keys()).check(asked, Headers())
    assert asked[IS_ADMIN] is True
    probe = scope("GET", "/health")
    KeyNeeded(Keys("main")).check(probe, Headers())
    assert probe[IS_ADMIN] is False


FOR_ALL = [
    *(("GET", path) for path in ("/fleet", "/fleet/models", "/fleet/results", "/fleet/results/1/m")),
    ("HEAD", "/fleet"),
    ("POST", CHAT),
    ("GET", "/fleets"),
    ("OPTIONS", LOAD),
]
FOR_ADMINS = [
    ("POST", LOAD),
    ("POST", "/fleet"),
    ("POST", "/fleet/models"),
    ("DELETE", "/fleet/results/1/m"),
    ("GET", "/fleet/"),
    ("GET", "/fleet//models"),
    ("GET", "/fleet/models/"),
    ("GET", "/fleet/models/both/logs"),
    ("GET", "/fleet/events"),
    ("GET", "/fleet/stream"),
    ("PROPFIND", "/fleet"),
    ("GET", "/fleet/what there will be one day"),
]


@pytest.mark.parametrize(("method", "path"), FOR_ALL + FOR_ADMINS)
def test_what_a_key_that_may_only_ask_opens(method: str, path: str) -> None:
    guard = AdminNeeded()
    guard.check(scope(method, path, **{IS_ADMIN: True}), Headers())
    asked = scope(method, path, **{IS_ADMIN: False})
    if (method, path) in FOR_ALL:
        guard.check(asked, Headers())
        return
    with pytest.raises(Forbidden, match="--admin") as refused:
        guard.check(asked, Headers())
    assert refused.value.reason == "admin_key_required"


BROWSERS = [
    {"origin": "http://localhost:1"},
    {"sec-fetch-site": "same-origin"},
    {"cookie": f"{SESSION_COOKIE}=whatever"},
]


@pytest.mark.parametrize("browsers", BROWSERS, ids=["origin", "sec-fetch-site", "session"])
@pytest.mark.parametrize("method", ["POST", "DELETE", "PUT", "PATCH", "PROPFIND"])
def test_what_a_browser_changes_needs_the_token(method: str, browsers: dict[str, str]) -> None:
    guard, cookie = TokenNeeded(), browsers.get("cookie", "")
    for given in ({}, {TOKEN_HEADER: TOKEN}, {TOKEN_HEADER: TOKEN[1:] + "u"}, {TOKEN_HEADER: ""}):
        for kept in (cookie, f"{cookie}; {TOKEN_COOKIE}={'s' * 43}", f"{cookie}; {TOKEN_COOKIE}="):
            with pytest.raises(Forbidden, match="Reload the page") as refused:
                guard.check(scope(method), Headers({**browsers, "cookie": kept, **given}))
            assert refused.value.reason == "token_missing"
    right = {**browsers, "cookie": f"{cookie}; {TOKEN_COOKIE}={TOKEN}", TOKEN_HEADER: TOKEN}
    guard.check(scope(method), Headers(right))
    for harmless in ("GET", "HEAD", "OPTIONS"):
        guard.check(scope(harmless), Headers(browsers))


def test_programs_need_no_token() -> None:
    guard = TokenNeeded()
    guard.check(scope(), Headers())
    guard.check(scope(**{KEY_OWNER: "phone"}), Headers({"origin": "https://app.example"}))
    guard.check(scope(path=CHAT), Headers({"origin": "http://localhost:1"}))


def test_a_session_needs_the_token_wherever_it_asks() -> None:
    by_session = {KEY_OWNER: "desk", BY_SESSION: True}
    for path in (CHAT, "/v1/responses/x", LOAD, "/anything"):
        with pytest.raises(Forbidden) as refused:
            TokenNeeded().check(scope(path=path, **by_session), Headers())
        assert refused.value.reason == "token_missing"
    for path in ("/login", "/logout"):
        TokenNeeded().check(scope(path=path, **by_session), Headers())


def pages(sessions: Sessions) -> Sequence[BaseRoute]:
    """The least that signs in, as the dashboard does."""

    async def page(request: Request) -> Response:
        return HTMLResponse(f"{request.url.path} {request.scope[IS_ADMIN]}")

    async def enter(request: Request) -> Response:
        key = parse_qs((await request.body()).decode()).get("key", [""])[0]
        session = sessions.open(key)
        if not session:
            return HTMLResponse("wrong", 401)
        response = RedirectResponse("/", 303)
        set_session(response, request, session)
        return response

    async def file(_request: Request) -> Response:
        return JSONResponse({})

    return [
        *(PageRoute(path, page) for path in ("/", "/models", "/fleet", "/login")),
        Route("/login", enter, methods=["POST"]),
        Route("/logout", enter, methods=["POST"]),
        Route("/static/{file}", file),
    ]


async def test_a_browser_signs_in_and_asks(start: Any) -> None:
    gateway = await start(pages=pages, api_key="main")
    http, url = gateway.http, gateway.url
    async with http.get(f"{url}/models?x=1&y=//z", headers=BROWSER, allow_redirects=False) as reply:
        assert reply.status == 303
        place = urlsplit(reply.headers["location"])
    assert (place.scheme, place.netloc, place.path) == ("", "", "/login")
    assert parse_qs(place.query) == {"next": ["/models?x=1&y=//z"]}
    async with http.post(f"{url}/login", data={"key": "wrong"}) as reply:
        assert reply.status == 401
        assert "set-cookie" not in reply.headers
    async with http.post(f"{url}/login", data={"key": "main"}, allow_redirects=False) as reply:
        assert reply.status == 303
        cookie = reply.headers["set-cookie"].partition(";")[0]
    headers = {**BROWSER, "cookie": f"{cookie}; {TOKEN_COOKIE}={TOKEN}"}
    async with http.get(f"{url}/models", headers=headers, allow_redirects=False) as reply:
        assert (reply.status, await reply.text()) == (200, "/models True")
    body = {"model": "both", "messages": [{"role": "user", "content": "Hi"}]}
    for given, status in (({}, 403), ({TOKEN_HEADER: TOKEN}, 200)):
        async with http.post(f"{url}{CHAT}", json=body, headers=headers | given) as reply:
            assert reply.status == status, await reply.text()
    async with http.get(f"{url}/metrics", headers={"x-api-key": "main"}) as reply:
        assert 'viewfinder_key_requests_total{key="settings"}' in await reply.text()


async def test_signing_in_leads_to_no_other_server(start: Any) -> None:
    gateway = await start(pages=pages, api_key="main")
    for path in ("//evil.example", "/%2Fevil.example/", "/%5Cevil.example", "/\\evil.example"):
        url = URL(gateway.url + path, encoded=True)
        async with gateway.http.get(url, headers=BROWSER, allow_redirects=False) as reply:
            assert reply.status == 303
            [next_page] = parse_qs(urlsplit(reply.headers["location"]).query)["next"]
        assert next_page in ("/", "/%5Cevil.example"), path


async def test_what_is_open_without_a_key(start: Any) -> None:
    gateway = await start(pages=pages, api_key="main")
    statuses = {}
    for method, path in (
        *(("GET", path) for path in ("/login", "/static/a", "/health", "/static/../v1/models", "/v1/models")),
        *(("POST", path) for path in ("/login", "/v1/models", "/")),
    ):
        async with gateway.http.request(
            method, URL(gateway.url + path, encoded=True), headers=BROWSER, data=b"", allow_redirects=False
        ) as reply:
            statuses[method, path] = reply.status
    assert statuses == {
        ("GET", "/login"): 200,
        ("GET", "/static/a"): 200,
        ("GET", "/health"): 200,
        ("GET", "/static/../v1/models"): 404,
        ("GET", "/v1/models"): 401,
        ("POST", "/login"): 415,
        ("POST", "/v1/models"): 401,
        ("POST", "/"): 401,
    }


async def test_a_part_of_a_page_leads_the_whole_page_to_the_form(start: Any) -> None:
    gateway = await start(pages=pages, api_key="main")
    headers = {**BROWSER, "hx-request": "true"}
    async with gateway.http.get(f"{gateway.url}/fleet", headers=headers, allow_redirects=False) as reply:
        assert reply.status == 401
        assert reply.headers["hx-redirect"] == "/login?next=/fleet"


async def test_forms_are_for_signing_in_and_small(start: Any) -> None:
    gateway = await start(pages=pages, api_key="main")
    form = {"content-type": "application/x-www-form-urlencoded"}
    with_key = form | {"x-api-key": "main"}
    for path, headers, body, status in (
        ("/login", form, b"key=" + b"x" * (FORM_BYTES - 4), 401),
        ("/login", form, b"key=" + b"x" * FORM_BYTES, 413),
        ("/logout", form, b"key=main", 303),
        ("/login", form | {"origin": "https://evil.example"}, b"key=main", 403),
        ("/login", form | {"origin": "null"}, b"key=main", 403),
        ("/login", {"content-type": "text/plain"}, b"key=main", 415),
        ("/login", {"content-type": "multipart/form-data; boundary=x"}, b"--x--", 415),
        (CHAT, with_key, b"model=both", 415),
        ("/v1/responses", with_key, b"model=both", 415),
    ):
        async with gateway.http.post(
            gateway.url + path, data=body, headers=headers, allow_redirects=False
        ) as reply:
            assert reply.status == status, (path, headers)


async def test_without_pages_there_is_no_form(start: Any) -> None:
    gateway = await start(api_key="main")
    for path in ("/login", "/", "/static/a", "/fleet"):
        async with gateway.http.get(gateway.url + path, headers=BROWSER, allow_redirects=False) as reply:
            assert reply.status == 401, path
