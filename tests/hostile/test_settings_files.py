"""A `viewfinder.toml` that came with somebody's folder starts no program, opens no server, sends no picture
anywhere and weakens nothing (row 12)."""

import logging
import os
import time
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import run
from viewfinder.api.setup import open_catalog
from viewfinder.core import settings_files, variables
from viewfinder.core.cluster_settings import ClusterSettings
from viewfinder.core.config import FleetSettings, LocalModel, Settings, load_settings
from viewfinder.core.engine_settings import EngineChanges
from viewfinder.core.errors import BadRequest
from viewfinder.core.settings_files import CHOSEN_ONLY

STARTS = '[engine]\nllama_server = "tools/x.sh"\nremote_code = ["glimpse"]\nslots = 7\n'


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, with a program in it; the user's own configuration folder is empty."""
    folder = tmp_path / "clone"
    (folder / "tools").mkdir(parents=True)
    program = folder / "tools" / "x.sh"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/started\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("VIEWFINDER_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", str(tmp_path))
    settings_files._tell_ignored.cache_clear()
    return folder


def test_a_plain_ask_in_a_cloned_folder_starts_nothing_of_it(clone: Path, home: Path) -> None:
    """It started the program that the folder's settings named."""
    (clone / "viewfinder.toml").write_text(STARTS)
    asked = run("ask", "glimpse", "What is 3 plus 4?", home=home)
    assert asked.stdout == "7.\n"
    assert not (clone.parent / "started").exists()
    assert asked.stderr.count("Ignored: engine.llama_server, engine.remote_code") == 1
    assert "--config" in asked.stderr
    chosen = run("--config", "viewfinder.toml", "ask", "glimpse", "What is 3 plus 4?", home=home)
    assert chosen.returncode == 1
    assert (clone.parent / "started").exists()


def test_its_other_settings_count(clone: Path, caplog: pytest.LogCaptureFixture) -> None:
    (clone / "viewfinder.toml").write_text(STARTS)
    with caplog.at_level(logging.WARNING):
        engine = load_settings().engine
    assert (engine.slots, engine.llama_server, engine.remote_code) == (7, None, ())
    assert caplog.text.count("Ignored: ") == 1
    assert str(clone / "viewfinder.toml") in caplog.text
    load_settings()
    assert caplog.text.count("Ignored: ") == 1  # a command reads them several times


@pytest.mark.parametrize(
    "how", ["own folder", "variable", "relative variable", "environment", "working in own"]
)
def test_what_the_user_chose_counts(
    clone: Path, how: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    own = settings_files.user_config_file()
    own.parent.mkdir(parents=True)
    if how in ("own folder", "working in own"):
        own.write_text(STARTS)
    elif how == "environment":
        monkeypatch.setenv("VIEWFINDER_ENGINE__LLAMA_SERVER", "tools/x.sh")
        monkeypatch.setenv("VIEWFINDER_ENGINE__REMOTE_CODE", '["glimpse"]')
    else:
        (clone / "viewfinder.toml").write_text(STARTS)
        chosen = clone / "viewfinder.toml" if how == "variable" else Path("viewfinder.toml")
        monkeypatch.setenv("VIEWFINDER_CONFIG", str(chosen))
    if how == "working in own":
        monkeypatch.chdir(own.parent)
    engine = load_settings().engine
    assert (engine.llama_server, engine.remote_code) == (Path("tools/x.sh"), ("glimpse",))
    assert "Ignored" not in caplog.text


def test_the_working_folder_overrides_the_users_own_file_in_all_else(clone: Path) -> None:
    own = settings_files.user_config_file()
    own.parent.mkdir(parents=True)
    own.write_text('port = 1\n[engine]\nllama_server = "/mine"\nslots = 1\nthreads = 1\n')
    (clone / "viewfinder.toml").write_text(STARTS + "threads = 5\n")
    settings = load_settings()
    assert (settings.port, settings.engine.slots, settings.engine.threads) == (1, 7, 5)
    assert settings.engine.llama_server == Path("/mine")
    assert load_settings(port=3).port == 3


@pytest.mark.parametrize(
    "text",
    ["engine = 3\n", "engine = []\n", '"engine.llama_server" = "x"\n', '[engine]\n"llama_server " = "x"\n'],
)
def test_no_other_spelling_of_it_starts_one(clone: Path, text: str) -> None:
    (clone / "viewfinder.toml").write_text(text)
    with pytest.raises(Exception, match=r"engine"):
        load_settings()


@pytest.mark.parametrize(
    "key", ["a." * 30_000 + "a = 1", "[" + "a." * 70 + "a]", "x = {" + "'a' . " * 70 + "a = 1}"], ids=len
)
def test_a_key_in_thousands_of_tables_is_refused_at_once(clone: Path, key: str) -> None:
    """60 KB of a stranger's folder kept a plain `ask` busy for 21 s: TOML's reader needs the square of it."""
    (clone / "viewfinder.toml").write_text(f"port = 8081\n{key}\n")
    began_s = time.thread_time()
    with pytest.raises(BadRequest, match=r"line 2 has a key of more than 64 parts"):
        load_settings()
    assert time.thread_time() - began_s < 1.0


def test_dots_in_texts_and_comments_are_no_key(clone: Path) -> None:
    text = "# " + "." * 300 + "\n# " + "1. " * 50 + '\n[models.m]\nmodel = "' + "a." * 60 + 'a"\n'
    (clone / "viewfinder.toml").write_text(text)
    assert str(load_settings().models["m"].model).count(".") == 60


HARM: dict[str, tuple[str, Any]] = {
    "engine.llama_server": ('[engine]\nllama_server = "tools/x.sh"\n', None),
    "engine.args": ('[engine]\nargs = ["--rpc", "evil.example:1"]\n', ()),
    "engine_for.x.args": ('[engine_for.x]\nargs = ["--rpc", "evil.example:1"]\n', None),
    "engine_for.x.llama_server": ('[engine_for.x]\nllama_server = "tools/x.sh"\n', None),
    "engine.remote_code": ('[engine]\nremote_code = ["glimpse"]\n', ()),
    "host": ('host = "0.0.0.0"\n', "127.0.0.1"),
    "api_key": ('api_key = "known to others"\n', None),
    "allowed_hosts": ('allowed_hosts = ["evil.example"]\n', ()),
    "allowed_origins": ('allowed_origins = ["https://evil.example"]\n', ()),
    "access_log": ('access_log = "/home/you/.profile"\n', ""),
    "endpoints": (
        '[endpoints.glimpse-large]\nbase_url = "https://evil.example"\nmodel = "x"\napi_key = "y"\n',
        {},
    ),
    "aliases": ('[aliases]\ngpt-4o = "glimpse"\n', {}),
    "store_url": ('store_url = "postgresql://evil.example/x"\n', None),
    "limits": ("[limits]\nbody_bytes = 99999999999\nconnections = 9999999\n", Settings().limits),
    "remote_images": ("remote_images = true\n", False),
    "responses": ("[responses]\nkeep_bytes = 99999999999\n", Settings().responses),
    "fleet.canary": ("[fleet]\ncanary = false\n", True),
}
HARMLESS = {
    "port",  # of loopback only, where the host is not the user's own choice
    "strict_port",
    "models",  # files that a person must name; they cannot take the name of a model of ours
    "variants",  # those of our cards, at their pinned commits
    *(f"engine.{name}" for name in EngineChanges.model_fields if name not in ("args", "llama_server")),
    *(f"cluster.{name}" for name in ClusterSettings.model_fields),  # only where a person types --ray
    "engine_for",
    "images.budget",  # the whole picture, or what was measured here to be enough
    "defaults_for",  # how a model answers, where a request does not say
    *(f"fleet.{name}" for name in FleetSettings.model_fields if name != "canary"),
}
ALL_CHOSEN_ONLY = {".".join(path).replace("*", "x") for settings in CHOSEN_ONLY.values() for path in settings}


def test_every_setting_is_decided_upon() -> None:
    """A new one must be, too: what could a folder do with it that somebody cloned?"""
    paths = {".".join(path) for path in variables._paths(Settings)}
    tables = {path for path in paths if any(other.startswith(f"{path}.") for other in paths)}
    single = {path for path in paths - tables if path.split(".")[0] not in ALL_CHOSEN_ONLY}
    single |= {path for path in ALL_CHOSEN_ONLY if path in paths}
    of_one_model = {path for path in ALL_CHOSEN_ONLY if path.startswith("engine_for.")}
    assert single | of_one_model == ALL_CHOSEN_ONLY | HARMLESS
    assert not ALL_CHOSEN_ONLY & HARMLESS
    assert HARM.keys() == ALL_CHOSEN_ONLY
    assert set(LocalModel.model_fields) == {"model", "mmproj", "engine", "coordinates"}
    of_engine = {path.partition(".")[2] for path in ALL_CHOSEN_ONLY if path.startswith("engine.")}
    of_models = {path.rpartition(".")[2] for path in ALL_CHOSEN_ONLY if path.startswith("engine_for.")}
    assert set(EngineChanges.model_fields) & of_engine == of_models


@pytest.mark.parametrize("setting", HARM)
def test_what_could_harm_is_ignored_in_a_folder_and_said(
    clone: Path, setting: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, kept = HARM[setting]

    def value() -> Any:
        found: Any = load_settings()
        for name in setting.split("."):
            found = found[name] if isinstance(found, dict) else getattr(found, name)
        return found

    (clone / "viewfinder.toml").write_text(text)
    with caplog.at_level(logging.WARNING):
        assert value() == kept
    path = tuple(setting.replace(".x.", ".*.").split("."))
    deed = next(deed for deed, paths in CHOSEN_ONLY.items() if path in paths)
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith(f"Ignored: {setting} in {clone / 'viewfinder.toml'}. ")
    assert f"may not {deed}. If you trust it, put that into {settings_files.user_config_file()}" in said
    monkeypatch.setenv("VIEWFINDER_CONFIG", "viewfinder.toml")
    assert value() != kept, "the user chose it"


def test_a_cloned_folder_cannot_take_the_place_of_a_model(clone: Path) -> None:
    (clone / "viewfinder.toml").write_text('[models.glimpse]\nmodel = "evil.gguf"\n')
    with pytest.raises(BadRequest, match="'glimpse' is already taken"):
        open_catalog(load_settings())


def test_pictures_go_nowhere_from_a_cloned_folder(clone: Path, home: Path) -> None:
    (clone / "viewfinder.toml").write_text(HARM["endpoints"][0])
    asked = run("ask", "glimpse-large", "What is 3 plus 4?", home=home)
    assert asked.returncode == 2
    assert "There is no model named 'glimpse-large'" in asked.stderr
    assert "may not say where pictures are sent" in asked.stderr


@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "nothing", "link to nothing"])
@pytest.mark.timeout(10)
def test_a_settings_file_that_is_no_file_is_refused_at_once(
    clone: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    file = Path("/dev/zero") if kind == "device" else clone / "x.toml"
    if kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    elif kind == "link to nothing":
        file.symlink_to("nowhere")
    monkeypatch.setenv("VIEWFINDER_CONFIG", str(file))
    with pytest.raises(BadRequest, match=str(file)) as refused:
        load_settings()
    assert refused.value.reason == ("file_unreadable" if "nothing" in kind else "not_a_file")
    assert "--config" in refused.value.hint
