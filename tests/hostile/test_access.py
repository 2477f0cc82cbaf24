"""Who may use a gateway: its hosts, origins and keys, on the wire."""

from hmac import compare_digest
from pathlib import Path

import pytest

from tests.hostile.raw import KEY, Gateway, check, request, running
from viewfinder.core.errors import BadRequest
from viewfinder.gateway import keys


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "169.254.169.254", ""]
)
def test_a_foreign_host(gateway: Gateway, host: str) -> None:
    check(gateway.ask(b"{}", host=host), 403, "host_not_allowed")


def test_no_host_at_all(gateway: Gateway) -> None:
    check(gateway.send(b"GET /v1/models HTTP/1.0\r\n\r\n"), 403, "host_not_allowed")


def test_two_hosts(gateway: Gateway) -> None:
    raw = b"GET /health HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n"
    assert gateway.send(raw).status in (400, 403)


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", "file://"])
def test_a_foreign_origin(gateway: Gateway, origin: str) -> None:
    check(gateway.ask(b"{}", origin=origin), 403, "origin_not_allowed")


def test_a_foreign_preflight(gateway: Gateway) -> None:
    raw = request(
        "OPTIONS /v1/chat/completions", origin="https://evil.example", access_control_request_method="POST"
    )
    reply = gateway.send(raw)
    check(reply, 403, "origin_not_allowed")
    assert not [name for name in reply.headers if name.startswith("access-control")]


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer wrong", f"Basic {KEY}", f"Bearer {KEY}x"])
def test_a_wrong_key(gateway: Gateway, authorization: str) -> None:
    reply = gateway.ask(b"{}", authorization=authorization)
    check(reply, 401, "invalid_api_key")
    assert reply.headers["www-authenticate"] == "Bearer"
    assert KEY not in reply.error["message"]


def test_a_key_in_the_url_is_ignored(gateway: Gateway) -> None:
    raw = request(f"GET /v1/models?api_key={KEY.replace(' ', '%20')}", authorization="")
    check(gateway.send(raw), 401, "invalid_api_key")


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
def test_an_open_bind_without_a_key_does_not_start(tmp_path: Path, host: str) -> None:
    with running(tmp_path, host=host) as gateway:
        assert isinstance(gateway.refused, BadRequest)
        assert gateway.refused.reason == "api_key_required"
        assert "VIEWFINDER_API_KEY" in str(gateway.refused)
        with pytest.raises(ConnectionRefusedError):
            gateway.connect()


def test_a_key_is_compared_in_constant_time(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[object] = []

    def compare(one: bytes, other: bytes) -> bool:
        compared.append(one)
        return compare_digest(one, other)

    monkeypatch.setattr(keys.hmac, "compare_digest", compare)
    check(gateway.ask(b"{}", authorization="Bearer wrong"), 401, "invalid_api_key")
    assert compared == [b"wrong"]
