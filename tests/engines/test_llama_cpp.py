"""What the llama.cpp engine reports; that it works is shown by the fleet's and the end-to-end tests."""

import json
from pathlib import Path

import pytest

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import EngineSettings
from viewfinder.engines.llama_cpp import LlamaCpp


def test_it_is_found_with_its_version() -> None:
    found = LlamaCpp().find()
    assert found is not None
    assert found.version[0].isdigit()
    assert found.folder.is_dir()


def test_the_command_carries_the_files_the_socket_and_the_settings(tmp_path: Path) -> None:
    catalog = Catalog()
    variant = catalog.get("glimpse").variants[0]
    files = catalog.resolve(variant)
    settings = EngineSettings(context_tokens=1024, slots=3, threads=1, image_tokens=64)
    launch = LlamaCpp().launch(variant, files, settings, tmp_path / "a.sock")
    options = json.loads(launch.argv[-1])
    assert options["model"] == str(files.model)
    assert options["mmproj"] == str(files.mmproj)
    assert options["socket"] == str(tmp_path / "a.sock")
    assert options["context_tokens"] == 3072
    assert (options["slots"], options["threads"], options["image_tokens"]) == (3, 1, 64)


@pytest.mark.parametrize(
    ("configured", "trained", "context"),
    [(4096, 2048, 2048), (1000, 2048, 1024), (200, 2048, 256), (4096, 32_768, 4096), (1100, None, 1280)],
)
def test_a_slot_has_whole_steps_and_no_more_than_the_model_was_trained_for(
    configured: int, trained: int | None, context: int
) -> None:
    """What /props of a llama.cpp server reported for these settings with two slots, or three (1100)."""
    variant = Catalog().get("glimpse").variants[0].model_copy(update={"context_tokens": trained})
    assert LlamaCpp().context_tokens(variant, EngineSettings(context_tokens=configured)) == context


def test_settings_of_the_users_own_llama_cpp_do_not_leak_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLAMA_ARG_CTX_SIZE", "17")
    monkeypatch.setenv("HF_TOKEN", "secret")
    catalog = Catalog()
    variant = catalog.get("glimpse").variants[0]
    launch = LlamaCpp().launch(variant, catalog.resolve(variant), EngineSettings(), tmp_path / "a.sock")
    assert not {"LLAMA_ARG_CTX_SIZE", "HF_TOKEN"} & set(launch.environment)
    assert launch.environment["HF_HUB_OFFLINE"] == "1"
