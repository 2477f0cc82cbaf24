"""The hub's own client and Viewfinder accept the cache of miniatures as a cache of the hub."""

import hashlib
from pathlib import Path

import huggingface_hub
import pytest

from viewfinder.catalog.hub import snapshot

from . import REPOS
from .hub import publish


@pytest.mark.engines
@pytest.mark.timeout(900)
def test_the_hubs_client_finds_every_repository_whole(
    miniature_hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(miniature_hub))
    found = huggingface_hub.scan_cache_dir(miniature_hub / "hub")
    assert found.warnings == []
    assert sorted(repo.repo_id for repo in found.repos) == sorted(REPOS)
    assert found.size_on_disk < 16_000_000
    for repo in found.repos:
        assert [revision.refs for revision in repo.revisions] == [{"main"}]
        place = huggingface_hub.snapshot_download(
            repo.repo_id, cache_dir=miniature_hub / "hub", local_files_only=True
        )
        assert snapshot(repo.repo_id) == Path(place)


def test_blobs_are_named_as_the_hub_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Git's names can be looked up with `git hash-object`."""
    (folder := tmp_path / "files").mkdir()
    (folder / "config.json").write_text("{}\n")
    (folder / "model.gguf").write_bytes(b"GGUF")
    place = publish(tmp_path, "someone/something", folder, absent=("tokenizer.json",))
    names = {file.name: file.readlink().name for file in place.iterdir()}
    assert names == {
        "config.json": "0967ef424bce6791893e9a57bb952f80fd536e93",
        "model.gguf": hashlib.sha256(b"GGUF").hexdigest(),
    }
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert snapshot("someone/something") == place
    cache = tmp_path / "hub"
    look = huggingface_hub.try_to_load_from_cache
    assert look("someone/something", "config.json", cache) == str(place / "config.json")
    assert look("someone/something", "tokenizer.json", cache) is huggingface_hub._CACHED_NO_EXIST
    assert look("someone/something", "other.json", cache) is None
