"""The words of `viewfinder bench`."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.measure.suites import small
from tests.report.conftest import Make
from viewfinder.api import measuring
from viewfinder.cli.bench import as_printed
from viewfinder.cli.main import app
from viewfinder.core.errors import BadRequest, ViewfinderError
from viewfinder.measure.figures import Missing


@pytest.mark.parametrize(
    "words",
    [
        ["glimpse"],
        ["--suite", "quick"],
        ["--endpoint", "http://127.0.0.1:1/v1"],
        ["--vqa", "."],
        ["--only"],
        ["--budget", "9m"],
    ],
)
def test_resume_takes_no_other_arguments(words: list[str]) -> None:
    said = CliRunner().invoke(app, ["bench", "--resume", *words])
    assert isinstance(said.exception, BadRequest)
    assert said.exception.exit_code == 2


def test_a_budget_that_is_no_time() -> None:
    said = CliRunner().invoke(app, ["bench", "glimpse", "--budget", "soon"])
    assert isinstance(said.exception, BadRequest)
    assert "90s, 10m or 1h" in said.exception.hint


def test_nothing_to_resume() -> None:
    said = CliRunner().invoke(app, ["bench", "--resume"])
    assert isinstance(said.exception, ViewfinderError)
    assert said.exception.reason == "nothing_to_resume"


def test_faulty_questions_are_told_before_anything_is_measured(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_text("image,question,answer\nnone.png,What?,x\n")
    said = CliRunner().invoke(app, ["bench", "glimpse", "--vqa", str(tmp_path)])
    assert isinstance(said.exception, BadRequest)
    assert said.exception.exit_code == 2
    assert "line 2: none.png: There is no such image in the folder" in said.exception.message


def test_without_a_terminal_there_are_lines_and_no_control_characters(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(measuring, "suite_named", lambda name: small(name, vision=8, text=8))
    said = CliRunner().invoke(app, ["bench", "glimpse"])
    assert said.exit_code == 0, said.output
    assert "quick > glimpse > image questions (0/8, " in said.stderr
    assert "> done (100 %)" in said.stderr
    assert all(letter.isprintable() or letter == "\n" for letter in said.stderr)


def test_json_has_what_was_found_by_measure_and_the_figures_of_scripts() -> None:
    make = Make()
    printed = as_printed(make.result())
    assert printed["found"]["latency"]["images"]["mean"] == printed["average_inference"]
    assert printed["average_inference"]["unit"] == "s"
    assert printed["load"]["ready"]["value"] == pytest.approx(0.84)
    assert printed["load"]["spawned"] == printed["found"]["load"]["spawned"]
    assert (printed["vision"]["right"], printed["memory_difference"]["unit"]) == (58, "bytes")
    assert printed["decode_rate"] == printed["found"]["latency"]["images"]["decode_rate"]
    gone = as_printed(make.result(load=Missing(missing="not ours")))
    assert gone["load"]["first_correct"] == {"missing": "not ours"}
