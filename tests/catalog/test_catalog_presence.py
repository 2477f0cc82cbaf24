"""Whether files are on this disk: in the hub's cache, in the package, in the user's folders."""

from pathlib import Path

import pytest

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import Catalog, is_here

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    return tmp_path


def put(cache: Path, repo: str, *names: str) -> None:
    """Files of a repository, laid out as the hub's own library does."""
    place = cache / f"models--{repo.replace('/', '--')}"
    (place / "refs").mkdir(parents=True, exist_ok=True)
    (place / "refs" / "main").write_text(COMMIT)
    snapshot = place / "snapshots" / COMMIT
    snapshot.mkdir(parents=True, exist_ok=True)
    for name in names:
        blob = place / "blobs" / name
        blob.parent.mkdir(exist_ok=True)
        blob.write_bytes(b"x")
        (snapshot / name).symlink_to(blob)


def variant(model: str, name: str) -> Variant:
    return Catalog().get(model).variant(name)


def test_what_ships_in_the_package_is_here() -> None:
    assert all(map(is_here, Catalog().get("glimpse").variants))


def test_a_pair_is_here_when_both_files_are(cache: Path) -> None:
    pair = variant("moondream2", "llama.cpp-f16")
    assert not is_here(pair)
    put(cache, pair.repo, str(pair.model))
    assert not is_here(pair)
    put(cache, pair.repo, str(pair.mmproj))
    assert is_here(pair)


def test_a_pair_does_not_stand_for_the_folder_in_the_same_repository(cache: Path) -> None:
    """Moondream2's repository has GGUF files beside its folder: the one may be pulled without the other."""
    put(cache, "vikhyatk/moondream2", "moondream2-text-model-f16.gguf", "moondream2-mmproj-f16.gguf")
    put(cache, "moondream/starmie-v1", "tokenizer.json")
    folder = variant("moondream2", "mlx-bf16")
    assert not is_here(folder)
    put(cache, folder.repo, "config.json", "model.safetensors")
    assert is_here(folder)


def test_another_repository_that_it_needs_must_be_here_too(cache: Path) -> None:
    folder = variant("moondream2", "mlx-bf16")
    put(cache, folder.repo, "config.json", "model.safetensors")
    assert not is_here(folder)
    put(cache, "moondream/starmie-v1", "tokenizer.json")
    assert is_here(folder)


def test_a_link_to_a_blob_that_is_gone_is_nothing(cache: Path) -> None:
    pair = variant("smolvlm-256m", "llama.cpp-q8_0")
    put(cache, pair.repo, str(pair.model), str(pair.mmproj))
    (cache / f"models--{pair.repo.replace('/', '--')}" / "blobs" / str(pair.model)).unlink()
    assert not is_here(pair)


def test_own_files_are_here_when_they_exist(tmp_path: Path) -> None:
    own = variant("glimpse", "llama.cpp-f16").model_copy(
        update={"source": "disk", "model": tmp_path / "m.gguf", "mmproj": None}
    )
    assert not is_here(own)
    own.model.write_bytes(b"x")
    assert is_here(own)
