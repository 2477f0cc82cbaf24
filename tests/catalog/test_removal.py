"""Removing what was pulled, and nothing else."""

from pathlib import Path

import pytest

from viewfinder.catalog.pulled import read
from viewfinder.catalog.removal import removal_of, remove

from .hub_server import HubServer
from .pulling import FILES, MMPROJ, MODEL, REPO, place, pull, variant


@pytest.fixture(autouse=True)
def published(hub: HubServer) -> str:
    return hub.publish(REPO, FILES)


def freed(home: Path) -> int:
    found = removal_of(REPO, home / "pulled.json")
    remove(found, home / "pulled.json")
    return found.size_bytes


def test_what_was_pulled_goes_with_its_folder_and_record(hub_cache: Path, home: Path) -> None:
    pull(home, variant())
    assert freed(home) == len(FILES[MODEL]) + len(FILES[MMPROJ])
    assert not place(hub_cache).exists()
    assert read(home / "pulled.json").repositories == {}


def test_it_can_be_pulled_again(hub_cache: Path, home: Path, published: str) -> None:
    pull(home, variant())
    freed(home)
    pull(home, variant())
    assert (place(hub_cache) / "snapshots" / published / MODEL).read_bytes() == FILES[MODEL]


def test_files_of_other_programs_stay(hub_cache: Path, home: Path, published: str) -> None:
    pull(home, variant())
    (home / "pulled.json").unlink()  # from here on they are another program's
    pull(home, variant())
    found = removal_of(REPO, home / "pulled.json")
    assert (found.paths, found.contents, sorted(found.kept)) == ({}, (), sorted([MODEL, MMPROJ]))
    freed(home)
    assert (place(hub_cache) / "snapshots" / published / MODEL).read_bytes() == FILES[MODEL]


def test_a_content_that_another_revision_uses_stays(hub_cache: Path, home: Path, published: str) -> None:
    pull(home, variant())
    other = place(hub_cache) / "snapshots" / ("b" * 40)
    other.mkdir()
    link = place(hub_cache) / "snapshots" / published / MODEL
    (other / MODEL).symlink_to(link.readlink())
    notes = place(hub_cache) / "snapshots" / published / "notes.txt"
    notes.write_text("mine")
    assert freed(home) == len(FILES[MMPROJ])
    assert (other / MODEL).read_bytes() == FILES[MODEL]
    assert notes.read_text() == "mine"
    assert not link.is_symlink()


def test_a_file_in_the_place_of_a_link_is_the_users(hub_cache: Path, home: Path, published: str) -> None:
    pull(home, variant())
    own = place(hub_cache) / "snapshots" / published / MODEL
    own.unlink()
    own.write_bytes(b"mine")
    link = place(hub_cache) / "snapshots" / published / MMPROJ
    outside = home / "outside.gguf"
    outside.write_bytes(b"outside")
    link.unlink()
    link.symlink_to(outside)
    assert freed(home) == 0
    assert (own.read_bytes(), outside.read_bytes(), link.is_symlink()) == (b"mine", b"outside", True)


def test_an_interrupted_removal_is_continued(hub_cache: Path, home: Path) -> None:
    pull(home, variant())
    found = removal_of(REPO, home / "pulled.json")
    found.contents[0].unlink()
    next(iter((place(hub_cache) / "snapshots").rglob("*.gguf"))).unlink()
    freed(home)
    assert not place(hub_cache).exists()
    assert read(home / "pulled.json").repositories == {}
