"""Models that are carried by hand where no hub can be reached: the route that `pull` names is followed."""

import json
import shutil
import urllib.request
from functools import partial
from pathlib import Path

import pytest

import viewfinder
from tests.catalog.hub_server import HubServer
from tests.catalog.pulling import Waits
from viewfinder.api.pulling import prepare, pull
from viewfinder.catalog.catalog import WEIGHTS, Catalog
from viewfinder.catalog.remote import Hub
from viewfinder.core import paths
from viewfinder.core.errors import HubError, ModelFilesError

NAME = "smolvlm-500m"
PAIR, FOLDER = "ggml-org/SmolVLM-500M-Instruct-GGUF", "HuggingFaceTB/SmolVLM-500M-Instruct"
MODEL, MMPROJ = "SmolVLM-500M-Instruct-Q8_0.gguf", "mmproj-SmolVLM-500M-Instruct-Q8_0.gguf"
GLIMPSE = WEIGHTS / "glimpse"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and a hub at which nothing listens."""
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("viewfinder.api.pulling.Hub", partial(Hub, wait=Waits()))
    return tmp_path / "hub"


def carried(cache: Path, repo: str = PAIR) -> Path:
    folder = cache / f"models--{repo.replace('/', '--')}" / "carried"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def carry_pair(cache: Path) -> Path:
    folder = carried(cache)
    shutil.copy(GLIMPSE / "glimpse-f16.gguf", folder / MODEL)
    shutil.copy(GLIMPSE / "mmproj-glimpse-f16.gguf", folder / MMPROJ)
    return folder


def test_without_a_hub_the_route_is_named(cache: Path) -> None:
    with pytest.raises(HubError, match=r"http://127\.0\.0\.1:9 failed") as error:
        prepare([NAME])
    lines = error.value.hint.splitlines()
    assert "(0.55 GB)" in lines[0]
    place = f"http://127.0.0.1:9/{PAIR}/resolve/main"
    assert lines[1:3] == [f"  {place}/{MODEL}", f"  {place}/{MMPROJ}"]
    assert lines[-2] == f"into {cache / 'models--ggml-org--SmolVLM-500M-Instruct-GGUF' / 'carried'}"
    assert lines[-1] == f"Then run here: viewfinder pull {NAME}"


def test_a_whole_folder_is_named_by_its_address() -> None:
    with pytest.raises(HubError) as error:
        prepare([NAME], variant="transformers-bf16")
    assert f"  the files of http://127.0.0.1:9/{FOLDER}/tree/main\n" in error.value.hint
    assert error.value.hint.endswith(f"viewfinder pull {NAME} --variant transformers-bf16")
    with pytest.raises(HubError) as error:
        prepare(["hf:some/thing@v1/m.gguf"])
    assert "  http://127.0.0.1:9/some/thing/resolve/v1/m.gguf\n" in error.value.hint


def test_the_route_leads_to_an_answer(cache: Path) -> None:
    folder = carry_pair(cache)
    (pulled,) = pull(NAME)
    assert [source.repo for source in pulled.repositories] == [PAIR]
    assert not folder.exists()
    with viewfinder.load(NAME) as model:
        assert model.ask("examples/shapes.png", "What color is the circle?") == "Blue."
    record = json.loads(paths.pulled_file().read_text())["repositories"][PAIR]
    ((_, commit),) = record.items()
    assert commit["downloaded"] == sorted([MODEL, MMPROJ])  # `viewfinder rm` may remove them


def test_what_is_missing_is_named_and_what_is_there_stays(cache: Path) -> None:
    folder = carry_pair(cache)
    (folder / MMPROJ).unlink()
    with pytest.raises(HubError, match=f"carried lacks {MMPROJ}") as error:
        pull(NAME)
    assert error.value.reason == "not_carried"
    assert (folder / MODEL).is_file()


def test_a_file_that_was_cut_is_refused_and_stays(cache: Path) -> None:
    folder = carry_pair(cache)
    with (folder / MODEL).open("r+b") as file:
        file.truncate(1_000_000)
    with pytest.raises(ModelFilesError, match="is truncated"):
        pull(NAME)
    assert (folder / MODEL).is_file()
    assert not Catalog().get(NAME).variant().size_bytes


def test_with_the_hubs_listing_each_file_is_checked_by_its_hash(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = carry_pair(cache)
    with HubServer().running() as server:
        server.publish(PAIR, {MODEL: (folder / MODEL).read_bytes(), MMPROJ: (folder / MMPROJ).read_bytes()})
        url = f"{server.address}/api/models/{PAIR}/revision/main?blobs=true"
        with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310
            listing = reply.read()
    (folder / "listing.json").write_bytes(listing)
    whole = (folder / MODEL).read_bytes()
    (folder / MODEL).write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ModelFilesError, match="its hash is another") as error:
        pull(NAME)
    assert error.value.reason == "hash_mismatch"
    assert (folder / MODEL).is_file()
    (folder / MODEL).write_bytes(whole)
    (pulled,) = pull(NAME)
    assert pulled.repositories[0].commit == json.loads(listing)["sha"]
    assert not folder.exists()
    monkeypatch.setattr("viewfinder.api.pulling.Hub", None)  # nothing is asked any more
    Catalog(lock_file=paths.pulled_file()).resolve(Catalog().get(NAME).variant("llama.cpp-q8_0"))


def test_a_listing_that_is_none_is_refused(cache: Path) -> None:
    (carry_pair(cache) / "listing.json").write_text("<html>")
    with pytest.raises(ModelFilesError, match="is not the hub's listing"):
        pull(NAME)


def test_a_model_folder_may_be_carried_whole_and_a_file_through_a_link(cache: Path, tmp_path: Path) -> None:
    folder, stick = carried(cache, FOLDER), tmp_path / "stick.json"
    stick.write_text("{}")
    (folder / "config.json").symlink_to(stick)
    header = b"{}"
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)
    (folder / "model.py").write_text("")
    (pulled,) = pull(NAME, variant="transformers-bf16")
    assert sorted(pulled.repositories[0].files) == ["config.json", "model.safetensors"]
    assert stick.read_text() == "{}"
    assert (pulled.repositories[0].folder / "config.json").read_text() == "{}"


def test_one_more_file_joins_those_that_are_here(cache: Path) -> None:
    """Of a repository whose projector is here, another quantization is carried alone."""
    carry_pair(cache)
    (first,) = pull(f"hf:{PAIR}/{MODEL}")
    shutil.copy(GLIMPSE / "glimpse-f16.gguf", carried(cache) / MODEL)
    (again,) = pull(NAME)
    assert again.repositories[0].commit == first.repositories[0].commit
    assert sorted(again.repositories[0].files) == sorted([MODEL, MMPROJ])
