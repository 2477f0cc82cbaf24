"""A file of lines that may be renamed, filled up or refused at any time."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from viewfinder.core.errors import BadRequest
from viewfinder.host.line_file import LineFile, StandardOutput


@contextmanager
def no_file_longer_than(most_bytes: int) -> Iterator[None]:
    """As on a disk that is full: a write is cut, and the next one fails."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        lines = LineFile(tmp_path / "log")
    finally:
        os.umask(before)
    lines.close()
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


def test_a_full_file_is_rotated_and_one_old_is_kept(tmp_path: Path) -> None:
    lines = LineFile(tmp_path / "log", file_bytes=10)
    assert all(lines.write(b"line %d\n" % number) for number in range(5))
    lines.close()
    kept = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert kept == {"log": b"line 4\n", "log.1": b"line 3\n"}


def test_a_renamed_file_is_left_when_told(tmp_path: Path) -> None:
    lines = LineFile(tmp_path / "log")
    lines.write(b"one\n")
    (tmp_path / "log").rename(tmp_path / "old")
    lines.write(b"two\n")
    lines.reopen()
    lines.write(b"three\n")
    lines.close()
    assert (tmp_path / "old").read_bytes() == b"one\ntwo\n"
    assert (tmp_path / "log").read_bytes() == b"three\n"


def test_a_full_disk_loses_lines_until_there_is_room_and_joins_no_two(tmp_path: Path, caplog) -> None:
    lines = LineFile(tmp_path / "log")
    assert lines.write(b"one\n")
    with no_file_longer_than(6):
        assert not lines.write(b"two\n")  # two bytes of it are written
        assert not lines.write(b"three\n")
    assert lines.write(b"four\n")
    lines.close()
    assert (tmp_path / "log").read_bytes() == b"one\ntw\nfour\n"
    assert len(caplog.records) == 1  # not one a request


def test_a_line_that_a_kill_has_cut_is_not_joined_either(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"on")
    lines = LineFile(tmp_path / "log")
    lines.write(b"two\n")
    lines.close()
    assert (tmp_path / "log").read_bytes() == b"on\ntwo\n"


def test_what_is_no_file_is_refused_at_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for place in (tmp_path, tmp_path / "pipe", tmp_path / "missing" / "log", Path("/dev/full")):
        with pytest.raises(BadRequest, match="cannot be written") as refused:
            LineFile(place)
        assert refused.value.param == "access_log"


def test_standard_output_is_written_past_its_buffer(capfd: pytest.CaptureFixture[str]) -> None:
    assert StandardOutput().write(b"one\n")
    assert capfd.readouterr().out == "one\n"
