"""An endpoint's address, and its key, which must not be shown."""

from pathlib import Path

from pydantic import SecretStr

from viewfinder.client.endpoint import Endpoint


def test_joins_paths() -> None:
    assert Endpoint("http://127.0.0.1:8080/").url("/health") == "http://127.0.0.1:8080/health"


def test_key_is_sent_and_never_printed() -> None:
    endpoint = Endpoint("http://127.0.0.1:1", api_key=SecretStr("s3cret"))
    assert endpoint.headers() == {"Authorization": "Bearer s3cret"}
    assert "s3cret" not in repr(endpoint) + str(endpoint)
    assert Endpoint("http://127.0.0.1:1").headers() == {}


def test_reads_as_an_address() -> None:
    assert str(Endpoint("http://engine", Path("/run/a.sock"))) == "unix:/run/a.sock"
    assert str(Endpoint("http://127.0.0.1:1")) == "http://127.0.0.1:1"


def test_a_key_in_any_script_is_sent_as_utf_8() -> None:
    """Our own gateway refused "schlüssel", and "ключ" could not be sent at all."""
    for key in ("schlüssel", "ключ"):
        sent = Endpoint("http://box", api_key=SecretStr(key)).headers()["Authorization"]
        assert sent.encode("latin-1") == f"Bearer {key}".encode()
