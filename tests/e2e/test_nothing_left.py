"""However Viewfinder ends, no process of it is left."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.processes import alive, left_of
from viewfinder.host.leftovers import leftovers, sweep

from .conftest import PATIENCE_S, VIEWFINDER, Served, serving
from .killing import SHAPES, VICTIMS, Kill, ask, kill_at_a_random_moment

KILLS = int(os.environ.get("VIEWFINDER_SOAK_KILLS", "1000"))
"""Kills of a parent; those of a warden alone are added. CI has time for 50."""


@pytest.mark.parametrize("number", [0, 1, 3, 5, 6, 7, 9, 29])
def test_a_kill_at_a_random_moment_leaves_nothing(tmp_path: Path, number: int) -> None:
    kill_at_a_random_moment(number, tmp_path)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_a_thousand_kills_at_random_moments_leave_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kills: list[Kill] = []
    while (parents := sum(kill.victim != "warden" for kill in kills)) < KILLS:
        kills.append(kill_at_a_random_moment(len(kills), tmp_path))
    left = leftovers(tmp_path)
    sweep(tmp_path)
    with capsys.disabled():
        print(f"\n{table(kills)}\n{parents} parents killed: {len(left.processes)} processes left")
    assert left.processes == ()
    assert list((tmp_path / "run").iterdir()) == []


def table(kills: list[Kill]) -> str:
    """For each shape and victim: the number of kills, and the slowest."""
    rows = ["engine        killed  kills  slowest s  left to the next start"]
    for shape in (*SHAPES, "serve"):
        for victim in VICTIMS:
            of_both = [kill for kill in kills if (kill.shape, kill.victim) == (shape, victim)]
            slowest_s = max((kill.took_s for kill in of_both), default=0.0)
            swept = sum(kill.swept for kill in of_both)
            rows.append(f"{shape:13} {victim:7} {len(of_both):5} {slowest_s:10.2f} {swept:8}")
    return "\n".join(rows)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_polite_end_leaves_no_process_and_no_socket(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path, "--port", "0", "glimpse") as served:
        ask(served.url, wait=True)
        tree = served.tree
        assert len(tree) >= 2
        served.process.send_signal(number)
        assert served.process.wait(timeout=PATIENCE_S) == 0
    assert alive(tree) == []
    assert [file for file in tmp_path.rglob("*") if file.is_socket()] == []


@pytest.mark.skipif(
    sys.platform != "linux", reason="macOS does not tell a stopped process of its parent's end"
)
def test_frozen_processes_end_with_a_killed_serve(tmp_path: Path) -> None:
    with serving(tmp_path, "--port", "0", "glimpse") as served:
        ask(served.url, wait=True, image=True)
        tree = served.tree
        words = [" ".join(process.cmdline()) for process in tree]
        for part in ("viewfinder.media.decoder", "warden.py", "llama_cpp_child.py"):
            assert any(part in line for line in words)
        for process in tree:
            process.suspend()
        served.process.send_signal(signal.SIGKILL)
        served.process.wait()
        assert left_of(tree) == []


def test_the_next_start_cleans_up_after_a_killed_one(tmp_path: Path) -> None:
    with serving(tmp_path, "--port", "0", "glimpse") as served:
        ask(served.url, wait=True)
        served.process.send_signal(signal.SIGKILL)
        served.process.wait()
    assert [file for file in tmp_path.rglob("*") if file.is_socket()] != []
    with serving(tmp_path, "--port", "0"):
        left = [file.name for file in tmp_path.rglob("*") if file.is_socket()]
        assert left == ["control.sock"]  # its own


def test_an_interrupted_ask_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*VIEWFINDER, "ask", "glimpse", "Hello!"],
        env={**os.environ, "VIEWFINDER_HOME": str(tmp_path)},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    tree: list[psutil.Process] = []
    while not tree and process.poll() is None:
        tree = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=PATIENCE_S) == 130
    assert alive(tree) == []


def test_a_dead_engine_is_replaced_and_the_request_answered(tmp_path: Path) -> None:
    with serving(tmp_path, "--port", "0", "glimpse") as served:
        ask(served.url, wait=True)
        (engine,) = [child for child in served.tree if is_engine(child)]
        engine.kill()
        ask(served.url, wait=True)
        assert [child.pid for child in served.tree if is_engine(child)] != [engine.pid]


def is_engine(process: psutil.Process) -> bool:
    words = process.cmdline()
    return len(words) > 2 and words[0] == sys.executable and words[2].endswith("llama_cpp_child.py")


def test_a_second_serve_says_where_the_first_listens(served: Served) -> None:
    second = subprocess.run(
        [*VIEWFINDER, "serve", "--port", "0"],
        env={**os.environ, "VIEWFINDER_HOME": str(served.home)},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert second.returncode == 3
    assert served.url in second.stderr
