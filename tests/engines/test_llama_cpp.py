"""What the llama.cpp engine reports; that it works is shown by the fleet's and the end-to-end tests."""

import json
import runpy
from pathlib import Path
from typing import Any, get_args

import pytest

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.engine_settings import CacheType, EngineSettings
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


def test_the_library_gets_the_options_and_its_own_defaults_where_none_is_set(tmp_path: Path) -> None:
    import xllamacpp

    plain, chosen = (
        params(tmp_path, settings)
        for settings in (
            EngineSettings(),
            EngineSettings(
                gpu_layers="all", flash_attention="off", cache_type="bf16", batch=64, micro_batch=32
            ),
        )
    )
    own = xllamacpp.CommonParams()
    for name in ("n_gpu_layers", "flash_attn_type", "cache_type_k", "cache_type_v", "n_batch", "n_ubatch"):
        assert getattr(plain, name) == getattr(own, name)
        assert getattr(chosen, name) != getattr(own, name)
    assert chosen.flash_attn_type == xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
    assert chosen.cache_type_k == chosen.cache_type_v == xllamacpp.ggml_type.GGML_TYPE_BF16
    assert (chosen.n_gpu_layers, chosen.n_batch, chosen.n_ubatch) == (-2, 64, 32)
    assert params(tmp_path, EngineSettings(gpu_layers=7)).n_gpu_layers == 7
    for name in get_args(CacheType):
        assert hasattr(xllamacpp.ggml_type, f"GGML_TYPE_{name.upper()}")


def params(folder: Path, settings: EngineSettings) -> Any:
    """What the child makes of the settings; it is a program, and read as one."""
    import xllamacpp

    catalog = Catalog()
    variant = catalog.get("glimpse").variants[0]
    launch = LlamaCpp().launch(variant, catalog.resolve(variant), settings, folder / "a.sock")
    return runpy.run_path(launch.argv[2])["_params"](xllamacpp, json.loads(launch.argv[-1]))


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
