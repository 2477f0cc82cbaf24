"""The file of answers: what is skipped, repaired and refused; and when a run gives up."""

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from viewfinder.api.each_picture import (
    FAILURES_IN_A_ROW,
    AnswerFile,
    PictureAnswer,
    answer_each,
    pictures_of,
)
from viewfinder.core.errors import BadRequest, EngineDied, ViewfinderError

Q = "What is it?"


def line(name: str, **fields: str) -> str:
    return PictureAnswer(**{"file": name, "model": "m", "question": Q, "answer": "A cat.", **fields}).line  # type: ignore[arg-type]


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return Path("answers.jsonl")


def test_what_is_answered_is_known_again_by_any_path(out: Path) -> None:
    out.write_text(f"{line('a.png')}\n{line('b.png', error='No.', code='x')}\n")
    with AnswerFile.open(out, Q) as kept:
        assert kept.has(Path("a.png"), "m")
        assert kept.has(out.absolute().parent / "a.png", "m")
        assert not kept.has(Path("b.png"), "m"), "an error is no answer"
        assert not kept.has(Path("a.png"), "another")


@pytest.mark.parametrize("cut", [1, 9, 10, 40, -1])
def test_a_last_line_that_was_not_written_whole_is_repaired(out: Path, cut: int) -> None:
    before = f"{line('a.png')}\n"
    out.write_text(before + line("b.png")[:cut])
    with AnswerFile.open(out, Q) as kept:
        assert kept.has(Path("a.png"), "m")
        assert not kept.has(Path("b.png"), "m")
        kept.add(PictureAnswer("b.png", "m", Q, "A dog."))
    assert [json.loads(one)["file"] for one in out.read_text().splitlines()] == ["a.png", "b.png"]


def test_a_last_line_that_only_lacks_its_end_is_kept(out: Path) -> None:
    out.write_text(line("a.png"))
    with AnswerFile.open(out, Q) as kept:
        assert kept.has(Path("a.png"), "m")
        kept.add(PictureAnswer("b.png", "m", Q, "A dog."))
    assert [json.loads(one)["file"] for one in out.read_text().splitlines()] == ["a.png", "b.png"]


@pytest.mark.parametrize(
    "content",
    [
        b"hello",
        b"hello\n",
        b'{"file": 1}\n',
        b"\x89PNG\r\n",
        b"[]\n",
        b'{"file": "a.png", "qu\n',
        b"{}\n" * 9,
    ],
)
def test_a_file_of_somebody_else_stays_as_it_is(out: Path, content: bytes) -> None:
    out.write_bytes(content)
    with pytest.raises(BadRequest, match="other things than answers"):
        AnswerFile.open(out, Q)
    assert out.read_bytes() == content


def test_another_question_is_told(out: Path) -> None:
    out.write_text(f"{line('a.png')}\n")
    with pytest.raises(BadRequest, match=r"another question: What is it\?"):
        AnswerFile.open(out, "Where?")


def test_two_runs_at_once_are_kept_apart(out: Path) -> None:
    with AnswerFile.open(out, Q), pytest.raises(BadRequest, match="Another `viewfinder ask` writes to"):
        AnswerFile.open(out, Q)
    assert not out.exists(), "nothing was answered"


def test_names_in_any_letters(out: Path) -> None:
    with AnswerFile.open(out, Q) as kept:
        kept.add(PictureAnswer("K\udcfche \u732b.png", "m", Q, "\u732b"))
    with AnswerFile.open(out, Q) as kept:
        assert kept.has(Path("K\udcfche \u732b.png"), "m")


def test_files_and_folders_in_order_each_once(tmp_path: Path) -> None:
    for name in ("b.png", "a.jpg", "notes.txt"):
        (tmp_path / name).touch()
    assert pictures_of([str(tmp_path / "b.png"), str(tmp_path)]) == [tmp_path / "b.png", tmp_path / "a.jpg"]


class Failing:
    """Stands in for a model that answers with these errors, in turn; None: it says yes."""

    def __init__(self, *errors: ViewfinderError | None) -> None:
        self.errors = iter(errors)

    def answer_to(self, *_: object, **__: object) -> "Failing":
        return self

    total_s = ttft_s = tokens_per_s = output_tokens = None
    finish_reason = "stop"
    boxes = ()

    def __iter__(self) -> Iterator[str]:
        if error := next(self.errors):
            raise error
        yield "Yes."


def ask(tmp_path: Path, *errors: ViewfinderError | None) -> Iterator[PictureAnswer]:
    pictures = [tmp_path / f"{number}.png" for number in range(len(errors))]
    for picture in pictures:
        picture.write_bytes(b"\x89PNG")
    return answer_each(Failing(*errors), "m", pictures, Q, max_tokens=1, temperature=0.0)  # type: ignore[arg-type]


def test_one_that_fails_does_not_end_the_run(tmp_path: Path) -> None:
    bad, dead = BadRequest("No image.", code="invalid_image"), EngineDied("It died.")
    errors = [bad, dead, dead, None, bad, dead, dead, bad, None]
    codes = [answer.code for answer in ask(tmp_path, *errors)]
    assert codes == [error.reason if error else "" for error in errors]


def test_an_engine_that_fails_again_and_again_ends_it(tmp_path: Path) -> None:
    answers = ask(tmp_path, None, *[EngineDied("It died.")] * 9)
    codes = [answer.code for answer in islice(answers, 1 + FAILURES_IN_A_ROW)]
    with pytest.raises(EngineDied):
        next(answers)
    assert codes == ["", *["engine_died"] * FAILURES_IN_A_ROW]


def test_what_every_picture_would_get_ends_it_at_once(tmp_path: Path) -> None:
    blind = BadRequest("It cannot see.", code="vision_not_supported")
    with pytest.raises(BadRequest, match="cannot see"):
        next(ask(tmp_path, blind, None))
