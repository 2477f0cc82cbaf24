"""Logs as a user reads them: the last lines, then the new ones, over rotations and strange bytes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import NoReturn

import pytest

from viewfinder.api.logs import LINE_BYTES, lines, log_file
from viewfinder.core import paths
from viewfinder.core.errors import BadRequest
from viewfinder.host.output import Output


class Writes:
    """In place of waiting: each wait runs the next of these, as if the engine had written meanwhile."""

    def __init__(self, *turns: Callable[[], object]) -> None:
        self.turns = iter(turns)

    def __call__(self) -> None:
        next(self.turns)()


def read_following(file: Path, count: int, *turns: Callable[[], object], last: int = 10) -> list[str]:
    shown: Iterator[str] = lines(file, last, follow=True, wait=Writes(*turns))
    return list(islice(shown, count))


def test_the_last_lines_reach_back_into_the_rotated_file(tmp_path: Path) -> None:
    output = Output(tmp_path / "x.log", file_bytes=16)
    for number in range(6):
        output.feed(b"line %d\n" % number)
    output.close()
    assert list(lines(tmp_path / "x.log", 3)) == ["line 3", "line 4", "line 5"]
    assert list(lines(tmp_path / "x.log", 0)) == []
    assert list(lines(tmp_path / "nothing.log", 3)) == []


def test_a_line_over_two_files_is_whole(tmp_path: Path) -> None:
    output = Output(tmp_path / "x.log", file_bytes=4)
    output.feed(b"abc")
    output.feed(b"def\n")
    output.close()
    assert list(lines(tmp_path / "x.log", 3)) == ["abcdef"]


def test_a_line_without_an_end_is_shown_at_the_end(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(b"one\ntwo")
    assert list(lines(tmp_path / "x.log", 5)) == ["one", "two"]


def test_new_lines_are_followed_over_rotations(tmp_path: Path) -> None:
    output = Output(tmp_path / "x.log", file_bytes=12)
    output.feed(b"first\n")

    def feed(*words: bytes) -> Callable[[], object]:
        return lambda: list(map(output.feed, words))

    shown = read_following(
        tmp_path / "x.log",
        6,
        feed(b"sec"),
        feed(b"ond\n"),  # the file is full in the middle of a line
        feed(b"third\n", b"fourth\n"),
        feed(b"fifth\n", b"sixth\n"),
    )
    output.close()
    assert list(lines(tmp_path / "x.log", 2)) == ["fifth", "sixth"]
    assert shown == ["first", "second", "third", "fourth", "fifth", "sixth"]


def test_a_file_that_comes_later_is_waited_for(tmp_path: Path) -> None:
    file = tmp_path / "later.log"
    assert read_following(file, 1, lambda: None, lambda: file.write_text("here\n")) == ["here"]


@pytest.mark.parametrize("watches", [True, False], ids=["reported", "no watches left"])
def test_new_lines_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, watches: bool) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise OSError("the number of watches is used up")

    file = tmp_path / "x.log"
    file.write_text("one\n")
    if not watches:
        monkeypatch.setattr("viewfinder.api.logs.watch", refuse)
        monkeypatch.setattr("viewfinder.api.logs.LOG_CHECK_MS", 20)
    shown = lines(file, 5, follow=True)
    assert next(shown) == "one"
    with closing(shown), file.open("a") as stream:
        timer = threading.Timer(0.1, lambda: print("two", file=stream, flush=True))
        timer.start()
        assert next(shown) == "two"
        timer.join()


def test_control_characters_do_not_reach_the_terminal(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(b"\x1b]0;owned\x07\r\n 10%\r 50%\r100%\n\xff\xfe\n")
    assert list(lines(tmp_path / "x.log", 9)) == ["\\x1b]0;owned\\x07", "100%", "\ufffd\ufffd"]


def test_a_line_that_never_ends_is_shown_in_pieces(tmp_path: Path) -> None:
    (tmp_path / "x.log").write_bytes(b"x" * (3 * LINE_BYTES))
    assert [len(line) for line in lines(tmp_path / "x.log", 9)] == [LINE_BYTES] * 3


def test_a_model_is_found_by_its_name_and_its_id(home: Path) -> None:
    file = paths.log_folder() / "glimpse.log"
    file.write_text("hello\n")
    assert log_file("glimpse") == log_file("viewfinder/glimpse") == file


@pytest.mark.parametrize("model", ["nonesuch", "../glimpse", "events"])
def test_a_model_without_a_log_is_refused_naming_those_with_one(home: Path, model: str) -> None:
    with pytest.raises(BadRequest) as refused:
        log_file(model)
    assert refused.value.hint == "No engine was started here yet."
    (paths.log_folder() / "glimpse.log").touch()
    with pytest.raises(BadRequest, match="There is no log of") as refused:
        log_file(model)
    assert refused.value.hint == "Models with a log: glimpse."
