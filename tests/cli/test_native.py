"""`viewfinder engine build`: what it says while it works; what it builds is in tests/api/building."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from viewfinder.api.building import build
from viewfinder.cli.main import app
from viewfinder.core.errors import EngineError


def built(monkeypatch: pytest.MonkeyPatch, result: BaseException, *words: str) -> tuple[int, list[str]]:
    """The exit code, and the lines on stderr, of a build that ends like this."""

    def build_llama_cpp(_: object, tell: Any) -> None:
        for doing, share in (("unpacking", None), ("compiling", 0.0), ("compiling", 0.5), ("checking", 0.0)):
            tell(doing, share)
        raise result

    monkeypatch.setattr(build, "build_llama_cpp", build_llama_cpp)
    done = CliRunner().invoke(app, ["engine", "build", "llama.cpp", *words])
    return done.exit_code, done.stderr.splitlines()


def test_without_a_terminal_each_step_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    code, lines = built(monkeypatch, KeyboardInterrupt())
    assert code == 130
    assert lines[:3] == ["unpacking ...", "compiling ...", "checking ..."]
    assert "what was compiled is kept. Resume: viewfinder engine build llama.cpp" in lines[3]


def test_programs_get_lines_of_json(monkeypatch: pytest.MonkeyPatch) -> None:
    code, lines = built(monkeypatch, KeyboardInterrupt(), "--progress", "json", "--version", "b1")
    *steps, end = map(json.loads, lines)
    assert [one["progress"]["doing"] for one in steps] == ["unpacking", "compiling", "checking"]
    assert steps[0]["progress"]["share"] is None
    assert end["stopped"]["resume"] == "viewfinder engine build llama.cpp --version b1"
    code, lines = built(monkeypatch, EngineError("It failed."), "--progress", "json")
    assert code == 1
    assert json.loads(lines[-1])["error"]["message"] == "It failed."
