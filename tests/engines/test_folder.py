"""What the engines that load a folder have in common: how they are found, what they are started with."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from viewfinder.catalog.catalog import ModelFiles
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.engines import folder, mlx
from viewfinder.engines.base import Engine, Launch
from viewfinder.engines.mlx import Mlx
from viewfinder.engines.registry import engines
from viewfinder.engines.transformers import Transformers

from .conftest import OneEngine, make_server, user

BOTH = pytest.mark.parametrize("engine", [Mlx(), Transformers()], ids=lambda engine: engine.name)


def launched(engine: Engine, tmp_path: Path, **more: object) -> tuple[Launch, dict[str, object]]:
    variant = OneEngine(engine.name).get("glimpse").variants[0].model_copy(update=more)
    settings = EngineSettings(context_tokens=1024, threads=3)
    launch = engine.launch(variant, ModelFiles(tmp_path / "model"), settings, tmp_path / "a.sock")
    return launch, json.loads(launch.argv[-1])


@BOTH
def test_both_are_registered_and_say_how_they_are_installed(engine: Engine) -> None:
    assert engines()[engine.name].name == engine.name
    assert engine.install == f"pip install '.[{engine.name}]'  # in the checkout"


@BOTH
def test_finding_one_imports_nothing(engine: Engine) -> None:
    looking = f"import sys; from {type(engine).__module__} import *; {type(engine).__name__}().find()"
    listing = (
        "print(*(name for name in sys.modules if name in ('torch', 'transformers', 'mlx_vlm', 'mlx.core')))"
    )
    command = [sys.executable, "-c", f"{looking}; {listing}"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == ""


@BOTH
def test_one_without_its_library_is_not_found(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    mlx._find.cache_clear()
    folder.find.cache_clear()
    assert engine.find() is None
    mlx._find.cache_clear()
    folder.find.cache_clear()


def test_one_with_half_of_its_library_is_not_found() -> None:
    assert folder.find("pydantic", "pydantic", "no_such_module") is None
    found = folder.find("pydantic", "pydantic")
    assert found is not None
    assert found.version[0].isdigit()
    assert found.folder.is_dir()


@BOTH
def test_the_command_carries_the_folder_the_socket_and_the_settings(engine: Engine, tmp_path: Path) -> None:
    launch, options = launched(engine, tmp_path)
    assert options["model"] == str(tmp_path / "model")
    assert options["socket"] == str(tmp_path / "a.sock")
    assert (options["context_tokens"], options["threads"]) == (1024, 3)
    assert (options["remote_code"], options["vision"]) == (False, True)
    assert Path(str(options["app"])).is_file()
    assert launch.slots == 1
    assert "-P" in launch.argv


@BOTH
def test_nothing_is_fetched_and_the_cache_is_found(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "huggingface"))
    for name in ("HF_TOKEN", "HF_ENDPOINT", "TRANSFORMERS_CACHE", "HF_HUB_OFFLINE"):
        monkeypatch.setenv(name, "0")
    launch, options = launched(engine, tmp_path)
    environment = launch.environment
    assert (environment["HF_HUB_OFFLINE"], environment["TRANSFORMERS_OFFLINE"]) == ("1", "1")
    assert environment["HF_HOME"] == str(tmp_path / "huggingface")
    assert environment["HF_HUB_CACHE"] == str(tmp_path / "huggingface" / "hub")
    assert not {"HF_TOKEN", "HF_ENDPOINT", "TRANSFORMERS_CACHE"} & environment.keys()
    assert options["caches"] == [environment["HF_HUB_CACHE"], str(tmp_path / "huggingface" / "modules")]


@BOTH
def test_code_from_a_repository_runs_only_when_the_card_says_so(engine: Engine, tmp_path: Path) -> None:
    assert launched(engine, tmp_path)[1]["remote_code"] is False
    assert launched(engine, tmp_path, remote_code=True)[1]["remote_code"] is True


@pytest.mark.engines
@pytest.mark.timeout(900)
@BOTH
async def test_a_cards_own_chat_template_is_used(engine: Engine) -> None:
    counts = []
    for template in (None, "{{ messages[0]['role'] }} {% for word in 'abcde' %}circle {% endfor %}"):
        server = make_server(engine.name, chat_template=template)
        await server.start()
        try:
            body = {"messages": [user("Hello!")], "max_tokens": 1}
            counts.append((await server.client.complete(body))["usage"]["prompt_tokens"])
        finally:
            await server.stop()
    assert counts[0] != counts[1]
