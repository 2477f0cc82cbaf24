"""The HTTP API: its routes, unknown ones, and which origins may use it."""

import inspect

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
