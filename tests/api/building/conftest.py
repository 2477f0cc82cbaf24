import json
import os
import shlex
import sys
from pathlib import Path

import pytest

from viewfinder.api.building import build as building
from viewfinder.api.building.tools import Tools
from viewfinder.engines import llama_cpp

FAKE = Path(__file__).with_name("fake_tool.py")


class Plan:
    """What the stand-ins do, and what they were called with."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, calls: Path) -> None:
        self._monkeypatch, self._calls = monkeypatch, calls
        monkeypatch.setenv("CALLS", str(calls))
        monkeypatch.setenv("LD_FAKE_CHILD", str(Path(llama_cpp.__file__).with_name("llama_cpp_child.py")))
        self.set()

    def set(self, compile_: str = "good", build: str = "11434") -> None:
        self._monkeypatch.setenv("PLAN", json.dumps({"compile": compile_, "build": build}))

    def calls(self) -> list[str]:
        return self._calls.read_text().splitlines() if self._calls.exists() else []


@pytest.fixture
def plan(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Plan:
    """pip and CMake are stand-ins."""
    cmake = tmp_path / "cmake"
    cmake.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, str(FAKE), "cmake"])} "$@"\n')
    cmake.chmod(0o755)
    tools = Tools("/usr/bin/c++", str(cmake), "/usr/bin/ninja", (sys.executable, str(FAKE), "pip"))
    monkeypatch.setattr(building, "find_tools", lambda cuda=None: tools)
    monkeypatch.setenv("TMPDIR", os.environ.get("TMPDIR", "/tmp"))
    return Plan(monkeypatch, tmp_path / "calls")
