"""The hash of a variant's files: read once, and another one when a byte changes."""

import hashlib
import os
from pathlib import Path

import pytest

from viewfinder.catalog import pulled
from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import Catalog, ModelFiles
from viewfinder.catalog.hashes import Hashes
from viewfinder.catalog.hub import repository_folder
from viewfinder.catalog.pulled import PulledFile
from viewfinder.core.errors import ModelFilesError

COMMIT = "a" * 40


def variant(**more: object) -> Variant:
    fields = {"name": "v", "engine": "llama.cpp", "repo": "someone/thing", "vision": True, "text": True}
    return Variant.model_validate(fields | more)


@pytest.fixture
def pair(tmp_path: Path) -> ModelFiles:
    files = ModelFiles(tmp_path / "model.gguf", tmp_path / "mmproj.gguf")
    for file in (files.model, files.mmproj):
        file.write_bytes(file.name.encode())
    return files


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    return tmp_path / "home" / "hashes.json"


def test_the_same_bytes_have_the_same_hash_and_are_read_once(pair, notes, monkeypatch) -> None:
    first = Hashes(notes).of(variant(), pair)
    assert len(first) == 64
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("it was read again"))
    assert Hashes(notes).of(variant(), pair) == first


def test_another_byte_or_another_part_is_another_hash(pair, notes) -> None:
    hashes = Hashes(notes)
    seen = {hashes.of(variant(), pair), hashes.of(variant(), ModelFiles(pair.model))}
    pair.mmproj.write_bytes(b"other bytes")
    seen.add(hashes.of(variant(), pair))
    seen.add(hashes.of(variant(), ModelFiles(pair.mmproj, pair.model)))
    assert len(seen) == 4


def test_a_change_that_keeps_the_size_is_seen_by_its_time(pair, notes) -> None:
    hashes = Hashes(notes)
    first = hashes.of(variant(), pair)
    stat = pair.model.stat()
    pair.model.write_bytes(pair.model.read_bytes()[::-1])
    os.utime(pair.model, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000_000))
    assert hashes.of(variant(), pair) != first


def test_a_folder_counts_with_all_that_is_in_it(tmp_path: Path, notes) -> None:
    folder = tmp_path / "model"
    (folder / "inner").mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    hashes = Hashes(notes)
    before = hashes.of(variant(), ModelFiles(folder))
    (folder / "inner" / "more.bin").write_bytes(b"x")
    assert hashes.of(variant(), ModelFiles(folder)) != before


def test_what_was_recorded_when_it_was_pulled_is_not_read(hub_cache, tmp_path, notes, monkeypatch) -> None:
    here = repository_folder("someone/thing")
    (here / "refs").mkdir(parents=True)
    (here / "refs" / "main").write_text(COMMIT)
    folder = here / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    file = folder / "model.gguf"
    file.write_bytes(b"weights")
    lock_file = tmp_path / "pulled.json"
    digest = hashlib.sha256(b"weights").hexdigest()
    computed = Hashes(notes, lock_file).of(variant(source="hub"), ModelFiles(file))
    pulled.record(
        lock_file, "someone/thing", COMMIT, "main", {"model.gguf": PulledFile(size_bytes=7, sha256=digest)}
    )
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("it was read"))
    fresh = Hashes(tmp_path / "other.json", lock_file)
    assert fresh.of(variant(source="hub"), ModelFiles(file)) == computed


def test_notes_that_are_not_ours_are_not_believed(pair, notes) -> None:
    hashes = Hashes(notes)
    first = hashes.of(variant(), pair)
    for wrong in (3, [], ["a", "b", "c"], {"size": 1}, [1, 2, 3]):
        hashes._notes.put(str(pair.model), wrong)
        assert hashes.of(variant(), pair) == first


def test_a_missing_file_is_an_error(pair, notes) -> None:
    pair.model.unlink()
    with pytest.raises(ModelFilesError, match="cannot be read"):
        Hashes(notes).of(variant(), pair)


def test_glimpse_has_one(notes) -> None:
    catalog = Catalog()
    glimpse = catalog.get("glimpse").variants
    hashes = {Hashes(notes).of(one, catalog.resolve(one)) for one in glimpse}
    assert len(hashes) == len({(one.model, one.mmproj) for one in glimpse})
