"""Settings: flag > environment > file, and a clear error for each mistake."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from viewfinder.core import variables
from viewfinder.core.config import RunningServer, Settings, load_settings
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
        (
            "[engine]\ngpu_layers = 'most'",
            r"'engine\.gpu_layers' is not valid: \"auto\", \"all\" or a number",
        ),
        ("[engine]\ngpu_layers = -1", r"'engine\.gpu_layers' is not valid"),
        ("[engine]\ngpu_layers = true", r"'engine\.gpu_layers' is not valid"),
        ("[engine_for.x]\ncache_type = 'q9'", r"'engine_for\.x\.cache_type' is not valid: .*'q8_0'"),
        (
            "[engine]\nflash_attention = 'yes'",
            r"'engine\.flash_attention' is not valid: .*'auto', 'on' or 'off'",
        ),
        ("[engine]\nbatch = 8", r"'engine\.batch' is not valid: .* at least 32"),
        ("[engine]\nargs = ['--lora a.gguf']", r"'engine\.args\.0' is not valid: .*: \"--lora\", \"a.gguf\""),
        ("port = ", "not valid TOML"),
    ],
)
def test_a_mistake_is_named(home: Path, text: str, said: str) -> None:
    write(home, text)
    with pytest.raises(BadRequest, match=said):
        load_settings()


def test_options_of_an_engine_are_read_as_people_write_them(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home, "[engine]\nflash_attention = true\ngpu_layers = 'all'\n[engine_for.x]\ngpu_layers = 12\n")
    assert load_settings().engine.chosen_options() == {"gpu_layers": "all", "flash_attention": "on"}
    assert load_settings().engine_of("x").gpu_layers == 12
    monkeypatch.setenv("VIEWFINDER_ENGINE__GPU_LAYERS", "7")
    monkeypatch.setenv("VIEWFINDER_ENGINE__FLASH_ATTENTION", "false")
    monkeypatch.setenv("VIEWFINDER_ENGINE__ARGS", '["--no-mmap"]')
    expected = {"gpu_layers": 7, "flash_attention": "off", "args": ["--no-mmap"]}
    assert load_settings().engine.chosen_options() == expected


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
    write(home, "")
    monkeypatch.setenv("VIEWFINDER_ALLOWED_HOSTS", "box")
    with pytest.raises(BadRequest, match="VIEWFINDER_ALLOWED_HOSTS is not valid JSON"):
        load_settings()


@pytest.mark.parametrize(
    "path", ["", "/", "/v1", "/v1/", "/v1/chat/completions", "/v1/chat/completions/", "//"]
)
def test_any_form_of_a_servers_address_is_the_same_server(path: str) -> None:
    assert RunningServer(base_url=f"http://box:8080{path}", model="m").root == "http://box:8080"
    assert RunningServer(base_url=f"http://box/api{path}", model="m").root == "http://box/api"


def test_a_byte_order_mark_is_taken(home: Path) -> None:
    (home / "viewfinder.toml").write_bytes(b"\xef\xbb\xbfport = 1111\n")
    assert load_settings().port == 1111


def test_a_settings_file_that_is_named_must_exist(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIEWFINDER_CONFIG", str(home / "other.toml"))
    with pytest.raises(BadRequest, match=r"other\.toml cannot be read") as refused:
        load_settings()
    assert "VIEWFINDER_CONFIG" in refused.value.hint
    monkeypatch.setenv("VIEWFINDER_CONFIG", "")  # as if it were not set
    assert load_settings().port == 8080


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("VIEWFINDER_PROT", "Did you mean VIEWFINDER_PORT?"),
        ("VIEWFINDER_ENGINE_SLOTS", "Did you mean VIEWFINDER_ENGINE__SLOTS?"),
        ("VIEWFINDER_FLEETS__QUEUE", "Did you mean VIEWFINDER_FLEET__QUEUE?"),
        ("viewfinder_home", "Did you mean VIEWFINDER_HOME?"),
        ("VIEWFINDER_XYZZY", ""),
    ],
)
def test_a_variable_that_means_nothing_is_reported_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, nearest: str
) -> None:
    variables._report.cache_clear()
    monkeypatch.setenv(name, "1")
    load_settings()
    load_settings()
    assert caplog.text.count(f"The variable {name} means nothing to Viewfinder. {nearest}") == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VIEWFINDER_SERVICE_HOST", "10.0.0.1"),
        ("VIEWFINDER_SERVICE_PORT_HTTP", "80"),
        ("VIEWFINDER_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("VIEWFINDER_PORT", "tcp://10.0.0.1:8080"),
        ("VIEWFINDER_PORT", ""),
        ("VIEWFINDER_API_KEY", ""),
        ("VIEWFINDER_ENDPOINT_KEY", "x"),
        ("VIEWFINDER_MODELS__MINE__MODEL", "/m.gguf"),
        ("viewfinder_engine__slots", "2"),
    ],
)
def test_what_a_container_or_a_shell_adds_is_neither_an_error_nor_reported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, value: str
) -> None:
    """A service named "viewfinder" in Kubernetes sets VIEWFINDER_PORT to an address."""
    monkeypatch.setenv(name, value)
    settings = load_settings()
    assert (settings.port, settings.api_key, settings.engine.slots) == (8080, None, 2)
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("api_key = ''", "'api_key' is not valid"),
        ("api_key = 'secret\\n'", None),
        ('api_key = "secret\\n"', "'api_key' is not valid"),
        ('api_key = "schlüssel mit ß"', None),
        ("allowed_hosts = ['http://box']", r"'allowed_hosts\.0' is not valid"),
        ("allowed_hosts = ['box:8080']", r"'allowed_hosts\.0' is not valid"),
        ("allowed_hosts = ['box.lan', '10.0.0.1', '::1', '[::1]', '0.0.0.0']", None),
        ("allowed_origins = ['box']", r"'allowed_origins\.0' is not valid"),
        ("allowed_origins = ['https://box/']", None),
        ("allowed_origins = ['https://box/page']", r"'allowed_origins\.0' is not valid"),
        ("allowed_origins = ['*']", r"'allowed_origins\.0' is not valid"),
        ("allowed_origins = ['null']", "would allow pages of anybody"),
        ("allowed_origins = ['https://*']", "would allow pages of anybody"),
        ("allowed_origins = ['HTTP://']", "would allow pages of anybody"),
        ("allowed_origins = ['file://']", "would allow pages of anybody"),
        ("allowed_origins = ['https://*.example.org']", "has a wildcard"),
        ("allowed_origins = ['app://*.example']", "has a wildcard"),
        ("allowed_origins = ['https://box', 'http://localhost:3000', 'app://x', 'tauri://localhost']", None),
        ("allowed_origins = ['app://', 'tauri://*', 'vscode-webview://', 'chrome-extension:///']", None),
        ("[engine]\nslots = 1000", r"'engine\.slots' is not valid"),
        ("[engine]\nimage_tokens = 99999999999", r"'engine\.image_tokens' is not valid"),
        ("[engine]\nthreads = 1000", r"'engine\.threads' is not valid"),
        ("[engine]\nstart_timeout_s = inf", r"'engine\.start_timeout_s' is not valid"),
        ("[fleet]\ndrain_s = nan", r"'fleet\.drain_s' is not valid"),
        (
            "[endpoints.far]\nbase_url = 'http://h:99999'\nmodel = 'm'",
            r"'endpoints\.far\.base_url' is not valid",
        ),
        (
            "[endpoints.far]\nbase_url = 'http://[::1'\nmodel = 'm'",
            r"'endpoints\.far\.base_url' is not valid",
        ),
        ("[endpoints.far]\nbase_url = 'http://[::1]:80/v1'\nmodel = 'm'\napi_key = 'k'", None),
    ],
)
def test_a_value_that_can_never_work_is_refused(home: Path, text: str, said: str | None) -> None:
    write(home, text)
    if said is None:
        load_settings()
        return
    with pytest.raises(BadRequest, match=said) as refused:
        load_settings()
    assert str(home / "viewfinder.toml") in refused.value.hint


def test_a_hint_names_where_the_mistake_is(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadRequest) as refused:
        load_settings(port=70000)
    assert refused.value.hint == "Fix --port."
    write(home, "[engine]\nslot = 3\n")
    with pytest.raises(BadRequest, match=r"There is no setting 'engine\.slot'") as refused:
        load_settings()
    assert refused.value.hint == f"Did you mean slots? Fix it in {home / 'viewfinder.toml'}."
    write(home, "")
    monkeypatch.setenv("viewfinder_engine__slots", "many")
    with pytest.raises(BadRequest) as refused:
        load_settings()
    assert refused.value.hint == "Fix the variable viewfinder_engine__slots."


VALUES = ("''", "'é'", "-1", "0", "1", "1e308", "inf", "nan", "true", "[]", "[1]", "['']", "{}", "{a = 1}")
VALUES += (
    "1979-05-27",
    "99999999999999999999999",
    "'\\u0000'",
    '"\\u0000"',
    "[[[[]]]]",
    "{a = {b = {}}}",
    "'q8_0'",
    "'full'",
)


@pytest.mark.parametrize("path", [path for path in variables._paths(Settings) if len(path) < 3], ids=".".join)
def test_any_value_of_any_setting_is_taken_or_refused_by_its_name(home: Path, path: tuple[str, ...]) -> None:
    refused = []
    for value in VALUES:
        write(home, f"{'.'.join(path)} = {value}\n")
        try:
            load_settings()
        except BadRequest as error:
            refused.append(error)
    assert all(path[0] in error.message and str(home) in error.hint for error in refused)
    assert 0 < len(refused) < len(VALUES)
