"""The record of pulled files."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from viewfinder.catalog.pulled import PulledFile, read, record
from viewfinder.core.errors import ModelFilesError

COMMIT, OTHER = "a" * 40, "b" * 40
FILE = PulledFile(size_bytes=3, sha256="c" * 64)


def test_nothing_was_pulled_yet(tmp_path: Path) -> None:
    assert read(tmp_path / "none.json").files("someone/thing", COMMIT) == {}


def test_records_add_up(tmp_path: Path) -> None:
    place = tmp_path / "pulled.json"
    record(place, "someone/thing", COMMIT, "main", {"a": FILE})
    record(place, "someone/thing", COMMIT, "main", {"b": FILE})
    record(place, "someone/thing", OTHER, OTHER, {"a": FILE})
    record(place, "someone/else", COMMIT, "v1", {"a": FILE})
    known = read(place)
    assert known.files("someone/thing", COMMIT) == {"a": FILE, "b": FILE}
    assert known.files("someone/thing", OTHER) == {"a": FILE}
    assert known.files("someone/else", OTHER) == {}
    assert known.repositories["someone/else"][COMMIT].revision == "v1"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["pulled.json", "pulled.lock"]


def test_many_programs_at_once_lose_nothing(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from viewfinder.catalog.pulled import *\n"
        "file = PulledFile(size_bytes=1, sha256='c' * 64)\n"
        "for number in range(10):\n"
        "    files = {sys.argv[2] + str(number): file}\n"
        "    record(Path(sys.argv[1]), 'someone/thing', 'a' * 40, 'main', files)"
    )
    place = tmp_path / "pulled.json"
    children = [subprocess.Popen([sys.executable, "-c", program, place, name]) for name in "xyz"]
    assert [child.wait(100) for child in children] == [0, 0, 0]
    assert len(read(place).files("someone/thing", COMMIT)) == 30


@pytest.mark.parametrize("content", ["", "{", "[]", '{"version": 2}', '{"repositories": {"a": 1}}'])
def test_a_record_that_is_none_is_named_and_never_overwritten(tmp_path: Path, content: str) -> None:
    place = tmp_path / "pulled.json"
    place.write_text(content)
    with pytest.raises(ModelFilesError, match=r"pulled\.json, cannot be read"):
        read(place)
    with pytest.raises(ModelFilesError):
        record(place, "someone/thing", COMMIT, "main", {"a": FILE})
    assert place.read_text() == content


def test_the_record_is_plain_json(tmp_path: Path) -> None:
    place = tmp_path / "pulled.json"
    record(place, "someone/thing", COMMIT, "main", {"a/b": FILE})
    assert json.loads(place.read_text())["repositories"]["someone/thing"][COMMIT] == {
        "revision": "main",
        "files": {"a/b": {"size_bytes": 3, "sha256": "c" * 64}},
        "downloaded": [],
    }
