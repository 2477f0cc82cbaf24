"""The words of `viewfinder bench`."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.measure.measures.own_images.scored import own
from tests.measure.suites import small
from tests.report.conftest import Make
from viewfinder.api import measuring
from viewfinder.api.printed import as_printed
from viewfinder.cli import bench as bench_command
from viewfinder.cli.bench import show
from viewfinder.cli.main import app
from viewfinder.core.errors import BadRequest, ViewfinderError
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.own_images.result import OwnImages


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


def test_the_closing_table_of_own_questions_alone_has_their_score_and_no_empty_columns(
    capsys: pytest.CaptureFixture[str],
) -> None:
    make = Make()
    whole = make.result(own_images=own(75, 40))
    show([whole])
    assert {"average", "75.0"} <= set(capsys.readouterr().out.split())
    show([whole.model_copy(update={"status": "not judged", "found": {"own_images": own(75, 40)}})])
    told = capsys.readouterr().out
    assert "not judged" in told
    assert "75.0 % (66.0 to 84.0" in told
    assert "average" not in told


def test_json_has_the_score_of_own_questions_and_no_thumbnails() -> None:
    found = own(75, 40, thumbnails={"digest": "data:image/jpeg;base64,AAAA"}, right=30)
    printed = as_printed(Make().result(own_images=found))
    assert printed["own_questions"]["value"] == 75
    assert printed["found"]["own_images"]["right"] == 30
    assert "thumbnails" not in printed["found"]["own_images"]
    assert as_printed(Make().result())["own_questions"] == {"missing": "not measured"}


@pytest.mark.parametrize(
    ("status", "found", "code"),
    [
        ("not judged", own(0), 0),
        ("not judged", Missing(missing="the budget was spent before it"), 1),
        ("failed", own(75), 1),
    ],
)
def test_a_run_without_the_score_that_it_was_for_is_no_success(
    monkeypatch: pytest.MonkeyPatch, status: str, found: OwnImages | Missing, code: int
) -> None:
    result = Make().result().model_copy(update={"status": status, "found": {"own_images": found}})
    monkeypatch.setattr(bench_command, "measure", lambda *words, **more: [result])
    assert CliRunner().invoke(app, ["bench", "--vqa", ".", "--only"]).exit_code == code


def test_only_needs_a_folder() -> None:
    said = CliRunner().invoke(app, ["bench", "glimpse", "--only"])
    assert isinstance(said.exception, BadRequest)
    assert said.exception.exit_code == 2
    assert "--vqa FOLDER --only" in said.exception.hint
