"""Pulling the catalog's models: which variant is meant, and enough room for all before the first byte."""

import shutil
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.catalog.hub_server import HubServer
from viewfinder.api.pulling import PulledModel, prepare, pull
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.pull import RESERVE_BYTES
from viewfinder.core.errors import BadRequest, ModelFilesError, UnknownModel

NAME = "smolvlm-500m"
PAIR, FOLDER = "ggml-org/SmolVLM-500M-Instruct-GGUF", "HuggingFaceTB/SmolVLM-500M-Instruct"
Usage = namedtuple("Usage", "total used free")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A hub with small files under the names of a card's files."""
    for name in ("HF_HUB_CACHE", "HF_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    variant = Catalog().get(NAME).variant("llama.cpp-q8_0")
    with HubServer().running() as server:
        server.publish(PAIR, {str(variant.model): b"m" * 1000, str(variant.mmproj): b"p" * 100})
        server.publish(FOLDER, {"config.json": b"{}", "model.safetensors": b"w" * 500, "model.py": b""})
        monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
        monkeypatch.setenv("HF_ENDPOINT", server.address)
        yield server


def test_the_variant_that_suits_this_machine_is_meant(hub: HubServer) -> None:
    (one,) = prepare([NAME])
    assert (one.model, one.variant, one.plan.missing_bytes) == (NAME, "llama.cpp-q8_0", 1100)
    assert hub.file_requests == []


@pytest.mark.parametrize(("words", "variant"), [(NAME, "transformers-bf16"), (FOLDER, "transformers-bf16")])
def test_a_variant_can_be_named(hub: HubServer, words: str, variant: str) -> None:
    (one,) = prepare([words], variant=variant)
    assert (one.variant, one.plan.missing_bytes) == (variant, 502)


def test_a_repositorys_id_means_its_own_variant(hub: HubServer) -> None:
    (one,) = prepare([PAIR])
    assert one.variant == "llama.cpp-q8_0"


def test_the_variant_of_the_settings_is_pulled_or_one_that_is_named(hub: HubServer, home: Path) -> None:
    (home / "viewfinder.toml").write_text(f'[variants]\n{NAME} = "llama.cpp-q8_0"\n')
    assert prepare([NAME])[0].variant == "llama.cpp-q8_0"
    assert prepare([NAME], variant="transformers-bf16")[0].variant == "transformers-bf16"


def test_the_catalog_finds_pulled_files(hub: HubServer) -> None:
    (pulled,) = pull(NAME)
    assert isinstance(pulled, PulledModel)
    assert (pulled.loaded_bytes, [source.repo for source in pulled.repositories]) == (1100, [PAIR])
    variant = Catalog().get(NAME).variant("llama.cpp-q8_0")
    with pytest.raises(ModelFilesError, match="is not a GGUF file"):  # it is there and was read
        Catalog().resolve(variant)


def test_a_model_of_the_package_needs_nothing(hub: HubServer) -> None:
    (pulled,) = pull("glimpse")
    assert (pulled.loaded_bytes, pulled.repositories, hub.requests) == (0, (), [])


def test_there_must_be_room_for_all_before_any_is_begun(
    hub: HubServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, RESERVE_BYTES + 1601))
    with pytest.raises(ModelFilesError, match="needed"):
        pull(NAME, f"hf:{FOLDER}")
    assert hub.file_requests == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 0, RESERVE_BYTES + 1602))
    assert sum(pulled.loaded_bytes for pulled in pull(NAME, f"hf:{FOLDER}")) == 1602


def test_a_variant_that_cannot_be_served_is_not_pulled(hub: HubServer) -> None:
    with pytest.raises(BadRequest, match="is listed but cannot be served") as refused:
        prepare(["moondream2"], variant="transformers-bf16")
    assert refused.value.hint
    assert hub.requests == []


@pytest.mark.parametrize("words", ["nonesuch", "someone/else", "./folder"])
def test_names_that_the_catalog_does_not_know(hub: HubServer, words: str) -> None:
    with pytest.raises(UnknownModel) as refused:
        prepare([words])
    assert ("hf:owner/name" in refused.value.hint) == ("/" in words)
    assert hub.requests == []
