"""`tune` on glimpse with a real engine: stopped, continued, written and taken back."""

import json
import os
import signal
from pathlib import Path

import pytest

from viewfinder.api.tuning import run
from viewfinder.api.tuning.run import TuneProgress, tune
from viewfinder.api.tuning.written import settings_file, undo
from viewfinder.core.config import load_settings
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.errors import AlreadyRunning, BadRequest
from viewfinder.core.native_build import PROGRAM, RECORD, builds_folder, processor_mark
from viewfinder.measure.runner import alone
from viewfinder.measure.tuning import judging, search
from viewfinder.measure.tuning.axes import TuneAxis, TuningSpace
from viewfinder.measure.tuning.judging import AnswerVerdict

ONE_TILE = TuningSpace((TuneAxis("image_tokens", ((20,),), is_exact=False, is_budget=True),), {})


def any_answer(*_: object, **__: object) -> AnswerVerdict:
    return AnswerVerdict("as good", "any answer will do")


def test_a_search_that_is_stopped_continues_and_what_it_finds_is_written_and_taken_back(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two pairs, whatever they show on a busy machine: the rules of the search have tests of their own."""
    monkeypatch.setattr(run, "space", lambda *_, **__: ONE_TILE)
    monkeypatch.setattr(search, "SPEED_QUESTIONS", 2)
    monkeypatch.setattr(judging, "SURE_GAIN", 0.0)
    monkeypatch.setattr(judging, "speed", lambda pairs, **_: "faster" if len(pairs) == 2 else "more")
    settings_file().write_text("# mine\n")

    def stop(progress: TuneProgress) -> None:
        if progress.step.number == 2:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        tune("glimpse", judge=any_answer, on_progress=stop)
    assert settings_file().read_text() == "# mine\n", "nothing is written before it is shown"
    assert len((home / "tuning" / "glimpse.jsonl").read_text().splitlines()) == 1

    seen: list[TuneProgress] = []
    tuned = tune("glimpse", judge=any_answer, on_progress=seen.append)
    assert tuned.earlier_pairs == 1
    assert {one.step.candidate.title for one in seen} == {"image_tokens 20"}
    assert tuned.found.gain is not None
    assert tuned.found.gain.n == 2
    assert load_settings().engine_of("glimpse").image_tokens == 20
    assert tuned.as_json()["settings"] == {"image_tokens": 20}
    undo("glimpse")
    assert settings_file().read_text() == "# mine\n"


def test_nothing_is_measured_beside_another_measurement(home: Path) -> None:
    with alone(home, "20261130T000000Z-abcdef"), pytest.raises(AlreadyRunning, match="is being measured"):
        tune("glimpse")
    with alone(home, "tune"), pytest.raises(AlreadyRunning, match="Another `viewfinder tune` runs"):
        tune("glimpse")


def test_an_engine_without_such_settings_has_nothing_to_tune(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIEWFINDER_ENDPOINTS", '{"other": {"base_url": "http://127.0.0.1:9", "model": "m"}}')
    with pytest.raises(BadRequest, match="a running server") as refused:
        tune("other")
    assert refused.value.reason == "nothing_to_tune"


def test_native_builds_that_run_here_are_tried_and_the_wheel_beside_one(home: Path) -> None:
    assert run._other_builds(EngineSettings()) == []
    programs = []
    for name, mark in (("here", processor_mark()), ("elsewhere", "another processor")):
        folder = builds_folder() / name
        folder.mkdir(parents=True)
        (folder / RECORD).write_text(json.dumps({"processor_mark": mark}))
        (folder / PROGRAM).touch()
        programs.append(folder / PROGRAM)
    assert run._other_builds(EngineSettings()) == [str(programs[0])]
    assert run._other_builds(EngineSettings(llama_server=programs[0])) == ["wheel"]
