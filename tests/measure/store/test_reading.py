"""Reading results creates nothing, and needs no disk that can be written to."""

import os
import sqlite3
from pathlib import Path

import pytest

from tests.measure.store.test_store import RUN, sample
from viewfinder.core.errors import ViewfinderError
from viewfinder.measure.store.store import Store


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    with Store(tmp_path / "results.sqlite") as store:
        store.begin(RUN)
        store.add(sample())
    return tmp_path / "results.sqlite"


def as_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """An administrator may write to every folder, but not to such a disk."""
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)


def test_reading_where_there_is_no_file_finds_nothing_and_makes_none(tmp_path: Path) -> None:
    with Store(tmp_path / "none" / "results.sqlite", for_reading=True) as store:
        assert (store.runs(), store.contents()) == ([], [])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("writable", [True, False])
def test_reading_finds_what_was_stored(stored: Path, monkeypatch: pytest.MonkeyPatch, writable: bool) -> None:
    if not writable:
        as_read_only(monkeypatch)
    before = stored.read_bytes()
    with Store(stored, for_reading=True) as store:
        assert [run.run for run in store.runs()] == ["run1"]
        assert len(store.samples("run1", "glimpse")) == 1
    assert [file.name for file in stored.parent.iterdir()] == [stored.name]
    assert writable or stored.read_bytes() == before


def test_what_is_only_in_the_log_of_the_file_is_found(stored: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that was killed leaves it, and the disk may be mounted read-only after that."""
    with Store(stored) as writing:
        writing.add(sample(place=1))
        writing.flush()
        as_read_only(monkeypatch)
        with Store(stored, for_reading=True) as store:
            assert len(store.samples("run1", "glimpse")) == 2


def test_an_older_format_that_cannot_be_brought_up_is_named(
    stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite3.connect(stored) as database:
        database.execute("PRAGMA user_version = 1")
    database.close()
    as_read_only(monkeypatch)
    with pytest.raises(ViewfinderError, match="has the format 1") as refused:
        Store(stored, for_reading=True)
    assert refused.value.reason == "results_file"


def test_a_file_that_is_no_database_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.sqlite").write_text("this is no database, but longer than its header" * 9)
    as_read_only(monkeypatch)
    with pytest.raises(ViewfinderError, match="cannot be read"):
        Store(tmp_path / "x.sqlite", for_reading=True)
