"""`viewfinder tune`: what it prints, and how it is stopped; the search itself is in tests/measure/tuning."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from viewfinder.api.tuning import run
from viewfinder.api.tuning.run import Tuned, TuneProgress
from viewfinder.api.tuning.written import settings_file, write
from viewfinder.cli.main import app
from viewfinder.measure.tuning.axes import TuningSpace
from viewfinder.measure.tuning.candidate import Candidate
from viewfinder.measure.tuning.judging import Gain
from viewfinder.measure.tuning.search import NOW, Findings, SearchStep, Trial

FOUR = Candidate((("threads", 4),))
GAIN = Gain(1.24, 1.18, 1.31, 4)


def tuned(found: Findings, file: str | None = "/etc/viewfinder.toml") -> Tuned:
    return Tuned(
        model="glimpse",
        variant="llama.cpp-f16",
        engine="llama.cpp 1",
        found=found,
        space=TuningSpace((), {"batch": "with prompts of about 72 tokens it makes no difference"}),
        settings=dict(found.best.changes),
        image_budget="",
        file=file,
        notes=(),
        earlier_pairs=2,
        spent_s=61.0,
    )


def printed(monkeypatch: pytest.MonkeyPatch, result: Any, *words: str) -> tuple[int, str, str]:
    """The exit code and both outputs, where the search does this."""

    def tune(*_: object, on_progress: Any, **__: object) -> Tuned:
        on_progress(TuneProgress(SearchStep("speed", FOUR, 1, 8, 0, 2), 3.0, 1200.0))
        if isinstance(result, BaseException):
            raise result
        return result

    monkeypatch.setattr(run, "tune", tune)
    done = CliRunner().invoke(app, ["tune", "glimpse", *words])
    return done.exit_code, done.stdout, done.stderr


def test_the_gain_is_told_with_its_interval_and_how_to_take_it_back(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Findings(FOUR, GAIN, [Trial(FOUR, NOW, "taken", "the same answers to 36 questions", GAIN)])
    code, out, err = printed(monkeypatch, tuned(found))
    assert code == 0
    assert "glimpse answers 1.24 (1.18 to 1.31) times as fast with threads 4." in out
    assert "take it back: viewfinder tune glimpse --undo" in out
    assert "Pairs from an earlier tuning: 2" in out
    assert "threads 4 (3 s)" in err, "without a terminal, a line for each value"
    code, out, _ = printed(monkeypatch, tuned(found, None), "--dry-run")
    assert "Nothing was written (--dry-run)." in out


def test_json_has_all_that_was_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Findings(FOUR, GAIN, [Trial(FOUR, NOW, "taken", "the same", GAIN)])
    _, out, _ = printed(monkeypatch, tuned(found), "--json")
    told = json.loads(out)
    assert told["times_as_fast"] == {"value": 1.24, "low": 1.18, "high": 1.31, "n": 4}
    assert told["tried"][0]["outcome"] == "taken"
    assert told["settings"] == {"threads": 4}


def test_where_nothing_is_faster_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Findings(
        trials=[Trial(FOUR, NOW, "no gain", "no gain", GAIN)], not_tried=[FOUR], is_complete=False
    )
    code, out, _ = printed(monkeypatch, tuned(found, None))
    assert code == 0
    assert "Nothing is surely faster for glimpse here: the settings stay as they are." in out
    assert "The time was up before: threads 4." in out


def test_ctrl_c_says_what_is_kept_and_how_to_continue(monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = printed(monkeypatch, KeyboardInterrupt())
    assert code == 130
    assert "No setting was changed, and what was measured is kept. Resume: viewfinder tune glimpse" in err


def test_programs_get_lines_of_json(monkeypatch: pytest.MonkeyPatch) -> None:
    code, _, err = printed(monkeypatch, KeyboardInterrupt(), "--progress", "json", "--clients", "4")
    step, end = map(json.loads, err.splitlines())
    assert step["progress"]["settings"] == {"threads": 4}
    assert (step["progress"]["doing"], step["progress"]["number"], step["progress"]["most"]) == (
        "speed",
        1,
        8,
    )
    assert (code, end["stopped"]["resume"]) == (130, "viewfinder tune glimpse --clients 4")


def test_undo_restores_the_file(home: Path) -> None:
    settings_file().write_text("# mine\n")
    write("glimpse", {"threads": 4}, {}, "by tune")
    done = CliRunner().invoke(app, ["tune", "glimpse", "--undo"])
    assert done.exit_code == 0, done.output
    assert "Taken back in" in done.stdout
    assert settings_file().read_text() == "# mine\n"
    again = CliRunner().invoke(app, ["tune", "glimpse", "--undo"])
    assert "Nothing that `tune` wrote" in str(again.exception)
