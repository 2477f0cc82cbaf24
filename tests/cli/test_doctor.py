"""`viewfinder doctor` as a user sees it, and its exit code."""

import json

import pytest
from rich.console import Console
from typer.testing import CliRunner

from viewfinder.cli.main import app
from viewfinder.core.check import Check, fix, good, note

WELL = [good("engine", "It is here."), note("hub", "It is far.", "bring it")]
ILL = [
    *WELL,
    fix("disk", "It is full [of files].", "du -sh *"),
    note("memory", "Little.", step="Buy [some]."),
]


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viewfinder.cli.doctor.output", Console(soft_wrap=True, width=80))


@pytest.mark.parametrize(("checks", "code"), [(WELL, 0), (ILL, 1)])
def test_each_line_has_its_state_and_the_command_that_fixes_it(
    monkeypatch: pytest.MonkeyPatch, checks: list[Check], code: int
) -> None:
    monkeypatch.setattr("viewfinder.api.doctor.check_all", lambda: checks)
    result = CliRunner().invoke(app, ["doctor"])
    assert result.exit_code == code
    lines = result.stdout.splitlines()
    assert lines[:3] == ["good  engine: It is here.", "note  hub: It is far.", "      bring it"]
    assert lines[3:] == (
        [
            "fix   disk: It is full [of files].",
            "      du -sh *",
            "note  memory: Little.",
            "",
            "Worth doing, the most useful first:",
            "1. It is full [of files].",
            "      du -sh *",
            "2. Buy [some].",
        ]
        if code
        else ["", "Nothing is worth doing: all that is here is used."]
    )


def test_other_programs_get_json_and_the_same_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("viewfinder.api.doctor.check_all", lambda: ILL)
    result = CliRunner().invoke(app, ["doctor", "--json"])
    assert result.exit_code == 1
    said = json.loads(result.stdout)
    assert said["checks"][2] == {
        "about": "disk",
        "state": "fix",
        "says": "It is full [of files].",
        "command": "du -sh *",
        "step": "",
    }
    assert said["worth_doing"] == [
        {"step": "It is full [of files].", "command": "du -sh *"},
        {"step": "Buy [some].", "command": ""},
    ]
