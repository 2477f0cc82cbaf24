"""Ctrl-C and SIGTERM in the middle of `viewfinder bench`, with a real engine."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import psutil
import pytest

from viewfinder.measure.store.store import Store

from .conftest import PATIENCE_S, VIEWFINDER, at_a_terminal, run

MARK = "VIEWFINDER_TEST_STOPPED"


@pytest.fixture
def mark(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Every process that is started carries it, and at the end none is left that does."""
    monkeypatch.setenv(MARK, str(tmp_path))
    yield
    psutil.wait_procs(carrying(tmp_path), timeout=5)
    assert carrying(tmp_path) == []


def carrying(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == str(folder):
                found.append(process)
        except psutil.Error:
            continue
    return found


def shown_until(screen: BinaryIO, words: str = "") -> str:
    """What the terminal shows until these words, or to the end."""
    seen = b""
    while not words or words.encode() not in seen:
        try:
            more = screen.read(4096)
        except OSError:  # Linux: the other side was closed
            break
        if not more:
            break
        seen += more
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", seen.decode(errors="replace"))


def check_what_is_kept(said: str, home: Path) -> None:
    assert "Traceback" not in said
    with Store(home / "results.sqlite") as store:
        (one,) = store.runs()
        assert not one.finished_at
        answers = len(store.samples(one.run, "glimpse"))
        finished = len(store.outcomes(one.run, "glimpse"))
    assert f"kept as run {one.run}:" in said
    assert f"glimpse: {answers} answers, finished processes: {finished}" in said
    assert answers > 72
    assert finished >= 1, "the gates"
    assert "viewfinder bench --resume" in said


@pytest.mark.parametrize("times", [pytest.param(1, marks=pytest.mark.soak), 3])
def test_ctrl_c_says_what_is_kept_however_often_it_is_pressed(home: Path, mark: None, times: int) -> None:
    with at_a_terminal(home, "bench", "glimpse") as (process, screen):
        assert "glimpse" in shown_until(screen, "process 2 of 7")
        screen.write(b"\x03" * times)
        said = shown_until(screen)
        assert process.wait(PATIENCE_S) == 130
    check_what_is_kept(said, home)


@pytest.mark.soak
def test_sigterm_says_it_too_and_json_stays_json(home: Path, mark: None) -> None:
    process = subprocess.Popen(
        [*VIEWFINDER, "bench", "glimpse", "--json"],
        env={**os.environ, "VIEWFINDER_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "process 2 of 7" in line:
            break
    process.send_signal(signal.SIGTERM)
    out, said = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, out) == (130, "")
    check_what_is_kept(said, home)


@pytest.mark.soak
def test_a_stopped_run_is_resumed_and_ends_with_the_answer_and_the_guide(home: Path, mark: None) -> None:
    with at_a_terminal(home, "bench", "glimpse", "--budget", "25s") as (process, screen):
        shown_until(screen, "process 1 of 7")
        screen.write(b"\x03")
        shown_until(screen)
        process.wait(PATIENCE_S)
    resumed = run("bench", "--resume", home=home, patience_s=170)
    assert resumed.returncode in (0, 1), resumed.stderr  # 1: its budget was short
    answer, guide = resumed.stdout.splitlines()[-2:]
    assert "glimpse" in answer
    assert guide == "The guide: viewfinder guide"
