"""The HTTP API: its routes, unknown ones, and which origins may use it."""

import gzip
import inspect
import json
import socket

import pytest
from yarl import URL

from viewfinder.fleet.fleet import Fleet

PAGE = "https://app.example"


async def test_health_names_viewfinder(gateway) -> None:
    async with gateway.http.get(f"{gateway.url}/health") as reply:
        assert await reply.json() == {"service": "viewfinder", "status": "ok", "version": "1.2.3"}


async def test_an_unknown_path_is_an_openai_error(gateway) -> None:
    for path in ("/v1/nothing", "/slots", "/v1/models/", "//v1/models", "/v1/../health"):
        url = URL(gateway.url + path, encoded=True)
        async with gateway.http.get(url, allow_redirects=False) as reply:
            assert reply.status == 404, path
            assert (await reply.json())["error"]["code"] == "not_found"


async def test_a_wrong_method(gateway) -> None:
    async with gateway.http.get(f"{gateway.url}/v1/chat/completions") as reply:
        assert reply.status == 405
        assert reply.headers["allow"] == "POST"
        assert (await reply.json())["error"]["code"] == "method_not_allowed"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [("/v1/models", 405, "method_not_allowed"), ("/chat/completions", 404, "not_found")],
)
async def test_a_wrong_path_or_method_comes_before_the_content_type(gateway, path, status, code) -> None:
    """Schemathesis was told to declare JSON, and then that the method is wrong."""
    for method in ("POST", "PUT", "PATCH"):
        async with gateway.http.request(method, gateway.url + path, data=b"a=1") as reply:
            assert reply.status == status
            assert (await reply.json())["error"]["code"] == code


async def test_an_allowed_page_is_answered_its_preflight_and_its_request(start) -> None:
    gateway = await start(allowed_origins=(f"{PAGE}/",), api_key="key")
    asks = {
        "origin": PAGE,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type, x-stainless-os",
    }
    async with gateway.http.options(f"{gateway.url}/v1/chat/completions", headers=asks) as reply:
        assert reply.status == 200
        assert reply.headers["access-control-allow-origin"] == PAGE
        assert "x-stainless-os" in reply.headers["access-control-allow-headers"]
        assert "access-control-allow-credentials" not in reply.headers
    headers = {"origin": PAGE, "authorization": "Bearer key"}
    async with gateway.http.get(f"{gateway.url}/v1/models", headers=headers) as reply:
        assert reply.status == 200
        assert reply.headers["access-control-allow-origin"] == PAGE


async def test_an_allowed_page_can_read_why_it_was_refused(start) -> None:
    gateway = await start(allowed_origins=(PAGE,), api_key="key")
    async with gateway.http.get(f"{gateway.url}/v1/models", headers={"origin": PAGE}) as reply:
        assert reply.status == 401
        assert reply.headers["access-control-allow-origin"] == PAGE


async def test_a_foreign_page_is_answered_no_preflight(start) -> None:
    gateway = await start(allowed_origins=(PAGE,))
    asks = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    async with gateway.http.options(f"{gateway.url}/v1/chat/completions", headers=asks) as reply:
        assert reply.status == 403
        assert not [name for name in reply.headers if name.lower().startswith("access-control")]


async def test_the_key_is_required(start) -> None:
    gateway = await start(api_key="key")
    async with gateway.post("hello") as reply:
        assert reply.status == 401
        assert reply.headers["www-authenticate"] == "Bearer"
        assert (await reply.json())["error"]["code"] == "invalid_api_key"
    async with gateway.http.get(f"{gateway.url}/health") as reply:
        assert reply.status == 200
    assert gateway.fleet.loads == []


async def test_a_bug_of_ours_shows_no_details(gateway, monkeypatch, caplog) -> None:
    def broken(_model: str) -> None:
        raise RuntimeError("at /home/someone/secret.py")

    monkeypatch.setattr(gateway.fleet, "variant_of", broken)
    async with gateway.post("hello") as reply:
        assert reply.status == 500
        text = await reply.text()
    assert "internal_error" in text
    assert "secret" not in text
    assert "secret.py" in caplog.text


def test_the_fleet_of_these_tests_has_the_methods_of_the_real_one(gateway) -> None:
    for verb in ("cards", "card", "variant_of", "state_of", "acquire"):
        real, ours = getattr(Fleet, verb), getattr(type(gateway.fleet), verb)
        assert list(inspect.signature(real).parameters) == list(inspect.signature(ours).parameters)
        assert inspect.iscoroutinefunction(real) == inspect.iscoroutinefunction(ours)


PREFLIGHT = {
    "origin": PAGE,
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type",
    "access-control-request-private-network": "true",
}


async def test_a_public_page_that_is_allowed_may_use_this_private_address(start) -> None:
    gateway = await start(allowed_origins=(PAGE,), api_key="key")
    async with gateway.http.options(f"{gateway.url}/v1/chat/completions", headers=PREFLIGHT) as reply:
        assert reply.status == 200
        assert reply.headers["access-control-allow-private-network"] == "true"
        assert reply.headers["access-control-allow-origin"] == PAGE
    ordinary = {name: value for name, value in PREFLIGHT.items() if "private" not in name}
    async with gateway.http.options(f"{gateway.url}/v1/chat/completions", headers=ordinary) as reply:
        assert reply.status == 200
        assert "access-control-allow-private-network" not in reply.headers


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"origin": "https://evil.example"}, "origin_not_allowed", "Add its origin to allowed_origins."),
        ({"origin": "null"}, "origin_not_allowed", "Add its origin to allowed_origins."),
        ({"origin": "OURS"}, "origin_not_allowed", "needs no preflight"),
        ({"access-control-request-method": "PUT"}, "forbidden", "Use one of GET, POST, DELETE."),
    ],
)
async def test_a_preflight_that_is_refused_says_why(start, changes, code: str, says: str) -> None:
    gateway = await start(allowed_origins=(PAGE,))
    headers = {**PREFLIGHT, **changes}
    if headers["origin"] == "OURS":
        headers["origin"] = gateway.url
    async with gateway.http.options(f"{gateway.url}/v1/chat/completions", headers=headers) as reply:
        assert reply.status == 403
        assert not [name for name in reply.headers if name.lower().startswith("access-control")]
        error = (await reply.json())["error"]
    assert (error["code"], error["param"]) == (code, None)
    assert says in error["message"]


@pytest.mark.parametrize(
    ("path", "allow"),
    [
        ("/v1/chat/completions", "OPTIONS, POST"),
        ("/v1/models", "GET, HEAD, OPTIONS"),
        ("/v1/models/owner/name", "GET, HEAD, OPTIONS"),
        ("/v1/responses/resp_1", "DELETE, GET, HEAD, OPTIONS"),
        ("/v1/responses/input_tokens", "OPTIONS, POST"),
    ],
)
async def test_plain_options_are_told_the_methods(gateway, path: str, allow: str) -> None:
    async with gateway.http.options(gateway.url + path) as reply:
        assert (reply.status, reply.headers["allow"]) == (204, allow)
        assert await reply.read() == b""


async def test_plain_options_need_the_key_and_a_path(start) -> None:
    gateway = await start(api_key="key", allowed_origins=(PAGE,))
    async with gateway.http.options(f"{gateway.url}/v1/models") as reply:
        assert reply.status == 401
    headers = {"authorization": "Bearer key", "origin": PAGE}
    async with gateway.http.options(f"{gateway.url}/v1/models", headers=headers) as reply:
        assert (reply.status, reply.headers["access-control-allow-origin"]) == (204, PAGE)
    async with gateway.http.options(f"{gateway.url}/nothing", headers=headers) as reply:
        assert reply.status == 404


async def test_a_page_can_read_the_headers_that_clients_look_for(start) -> None:
    gateway = await start(allowed_origins=(PAGE,))
    async with gateway.http.get(f"{gateway.url}/v1/models", headers={"origin": PAGE}) as reply:
        readable = reply.headers["access-control-expose-headers"].lower().split(", ")
    assert {"x-request-id", "retry-after", "x-should-retry", "x-viewfinder-ignored"} <= set(readable)


BODY = json.dumps({"model": "both", "messages": [{"role": "user", "content": "hello"}]}).encode()


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "zstd", "identity, gzip", "x" * 9000])
async def test_a_compressed_body_is_refused(gateway, encoding: str) -> None:
    headers = {"content-type": "application/json", "content-encoding": encoding}
    for path in ("/v1/chat/completions", "/v1/messages", "/v1/responses"):
        body = gzip.compress(BODY)
        async with gateway.http.post(gateway.url + path, data=body, headers=headers) as reply:
            assert (reply.status, reply.headers["accept-encoding"]) == (415, "identity")
            error = (await reply.json())["error"]
        assert (error["code"], error["param"]) == ("unsupported_encoding", None)
        assert "without the header Content-Encoding" in error["message"]
        assert encoding.lower().rpartition(" ")[2][:20] in error["message"]
        assert len(error["message"]) < 250


@pytest.mark.parametrize("encoding", ["identity", "Identity", ""])
async def test_a_body_as_it_is_is_read(gateway, encoding: str) -> None:
    headers = {"content-type": "application/json", "content-encoding": encoding}
    url = f"{gateway.url}/v1/chat/completions"
    async with gateway.http.post(url, data=BODY, headers=headers) as reply:
        assert reply.status == 200


@pytest.mark.parametrize("name", ["workbox", "workbox.local", "host.docker.internal", "WORKBOX"])
async def test_this_computers_names_are_hosts_and_no_origins(start, monkeypatch, name: str) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "workbox.lan.example")
    gateway = await start()
    host = f"{name}:{gateway.bound.port}"
    async with gateway.http.get(f"{gateway.url}/v1/models", headers={"host": host}) as reply:
        assert reply.status == 200
    headers = {"host": host, "origin": f"http://{host}"}
    async with gateway.http.get(f"{gateway.url}/v1/models", headers=headers) as reply:
        assert reply.status == 403
        assert (await reply.json())["error"]["code"] == "origin_not_allowed"


async def test_a_name_that_the_user_allows_is_our_own(start, monkeypatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "workbox")
    gateway = await start(allowed_hosts=("WorkBox",))
    headers = {"host": "workbox", "origin": "http://workbox"}
    async with gateway.http.get(f"{gateway.url}/v1/models", headers=headers) as reply:
        assert reply.status == 200


async def test_the_whole_name_counts_where_a_key_is_needed(start, monkeypatch) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "workbox.lan.example")
    headers = {"host": "workbox.lan.example", "authorization": "Bearer key"}
    gateway = await start(api_key="key")
    async with gateway.http.get(f"{gateway.url}/v1/models", headers=headers) as reply:
        assert reply.status == 403
        assert (await reply.json())["error"]["code"] == "host_not_allowed"
    gateway = await start(api_key="key", host="0.0.0.0")
    async with gateway.http.get(f"http://127.0.0.1:{gateway.bound.port}/v1/models", headers=headers) as reply:
        assert reply.status == 200


@pytest.mark.parametrize("origin", ["app://obsidian.md", "tauri://localhost", "vscode-webview://1k2j"])
async def test_the_pages_of_an_app_are_allowed_by_their_scheme(start, origin: str) -> None:
    gateway = await start(allowed_origins=("app://", "tauri://localhost", "vscode-webview://*"))
    headers = {**PREFLIGHT, "origin": origin}
    async with gateway.http.options(f"{gateway.url}/v1/chat/completions", headers=headers) as reply:
        assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, origin)
    body = {"model": "both", "messages": [{"role": "user", "content": "hello"}]}
    url = f"{gateway.url}/v1/chat/completions"
    async with gateway.http.post(url, json=body, headers={"origin": origin}) as reply:
        assert (reply.status, reply.headers["access-control-allow-origin"]) == (200, origin)
    for other in ("tauri://other", "https://obsidian.md", "null"):
        async with gateway.http.post(url, json=body, headers={"origin": other}) as reply:
            assert reply.status == 403
            assert "access-control-allow-origin" not in reply.headers
