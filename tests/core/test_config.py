"""Settings: flag > environment > file, and a clear error for each mistake."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from viewfinder.core.config import RunningServer, load_settings
from viewfinder.core.errors import BadRequest


def write(home: Path, text: str) -> None:
    (home / "viewfinder.toml").write_text(text)


def test_defaults_listen_on_loopback_without_a_key() -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.api_key) == ("127.0.0.1", 8080, None)


def test_flag_beats_environment_beats_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(home, "port = 1111\nhost = '127.0.0.2'\n[engine]\nslots = 7\n")
    assert load_settings().port == 1111
    monkeypatch.setenv("VIEWFINDER_PORT", "2222")
    assert load_settings().port == 2222
    assert load_settings(port=3333).port == 3333
    assert load_settings(port=None).port == 2222
    assert load_settings().host == "127.0.0.2"
    monkeypatch.setenv("VIEWFINDER_ENGINE__THREADS", "3")
    assert (load_settings().engine.slots, load_settings().engine.threads) == (7, 3)


def test_models_come_from_the_file(home: Path) -> None:
    write(home, '[models.mine]\nmodel = "/m.gguf"\nmmproj = "/p.gguf"\n')
    assert load_settings().models["mine"].mmproj == Path("/p.gguf")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("port = 'high'", "'port'"),
        ("[engine]\nslots = 0", r"'engine\.slots'"),
        ("colour = 'red'", "'colour'"),
        ("port = ", "not valid TOML"),
    ],
)
def test_a_mistake_is_named(home: Path, text: str, said: str) -> None:
    write(home, text)
    with pytest.raises(BadRequest, match=said):
        load_settings()


def test_a_key_is_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIEWFINDER_API_KEY", "hunter2")
    settings = load_settings()
    assert "hunter2" not in repr(settings)
    assert settings.api_key == SecretStr("hunter2")


def test_a_file_or_a_variable_that_cannot_be_read_is_reported(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "viewfinder.toml").write_bytes(b"\xff")
    with pytest.raises(BadRequest, match="not valid TOML"):
        load_settings()
    (home / "viewfinder.toml").unlink()
    monkeypatch.setenv("VIEWFINDER_ALLOWED_HOSTS", "box")
    with pytest.raises(BadRequest, match="allowed_hosts"):
        load_settings()


@pytest.mark.parametrize(
    "path", ["", "/", "/v1", "/v1/", "/v1/chat/completions", "/v1/chat/completions/", "//"]
)
def test_any_form_of_a_servers_address_is_the_same_server(path: str) -> None:
    assert RunningServer(base_url=f"http://box:8080{path}", model="m").root == "http://box:8080"
    assert RunningServer(base_url=f"http://box/api{path}", model="m").root == "http://box/api"
