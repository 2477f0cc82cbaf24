"""Notes that cannot be kept are never an error."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import orjson
import pytest

from viewfinder.core.notebook import Notebook


def test_notes_outlive_their_writer(tmp_path: Path) -> None:
    file = tmp_path / "home" / "notes.json"
    Notebook(file).put("a", {"b": [1, 2.5, None]})
    assert Notebook(file).get("a") == {"b": [1, 2.5, None]}
    assert Notebook(file).get("b") is None
    assert [one.name for one in file.parent.iterdir()] == ["notes.json"]


def test_two_writers_keep_each_others_notes(tmp_path: Path) -> None:
    file = tmp_path / "notes.json"
    one, other = Notebook(file), Notebook(file)
    one.put("one", 1)
    other.put("other", 2)
    one.put("one", 3)
    assert orjson.loads(file.read_bytes()) == {"one": 3, "other": 2}
    assert one.get("other") == 2


def test_many_threads_lose_nothing(tmp_path: Path) -> None:
    file = tmp_path / "notes.json"
    notes = Notebook(file)
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: notes.put(str(number), number), range(50)))
    assert orjson.loads(file.read_bytes()) == {str(number): number for number in range(50)}


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[1]"])
def test_a_corrupt_file_is_replaced(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "notes.json"
    file.write_bytes(content)
    notes = Notebook(file)
    assert notes.get("a") is None
    notes.put("a", 1)
    assert Notebook(file).get("a") == 1


def test_a_full_disk_costs_only_the_notes(tmp_path: Path, caplog, monkeypatch) -> None:
    file = tmp_path / "notes.json"
    notes = Notebook(file)
    notes.put("a", 1)

    def full(*_: object) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(Path, "write_bytes", full)
    notes.put("b", 2)
    assert notes.get("b") == 2
    assert "No space left" in caplog.text
    monkeypatch.undo()
    assert Notebook(file).get("b") is None
    notes.put("c", 3)
    assert orjson.loads(file.read_bytes()) == {"a": 1, "b": 2, "c": 3}
