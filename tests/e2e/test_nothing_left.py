"""Whatever ends Viewfinder, nothing of it is left."""

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
import pytest

from .conftest import PATIENCE_S, VIEWFINDER, Served, first_document, serving

ALLOWED_S = 2.0


def tree_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    try:
        return psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def ask(url: str) -> None:
    """Begin a long answer and leave it unread."""
    body = {"model": "glimpse", "stream": True, "messages": [{"role": "user", "content": "Hello!"}]}
    request = urllib.request.Request(  # noqa: S310
        f"{url}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=PATIENCE_S).close()  # noqa: S310


def kill_at_a_random_moment(home: Path, number: int) -> None:
    """SIGKILL `serve` while it loads, answers or idles; everything it started must end within 2 s."""
    rng = random.Random(f"kill/{number}")
    moment = ("loading", "answering", "idle")[number % 3]
    process = subprocess.Popen(
        [*VIEWFINDER, "serve", "--json", "--port", "0", "glimpse"],
        env={**os.environ, "VIEWFINDER_HOME": str(home)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        url = first_document(process)["url"]
        if moment != "loading":
            ask(url)
        if moment == "answering":
            ask(url)
        time.sleep(rng.uniform(0, 0.5))
        tree = tree_of(process)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    _, left = psutil.wait_procs(tree, timeout=ALLOWED_S)
    assert [left_over.cmdline() for left_over in left if left_over.status() != psutil.STATUS_ZOMBIE] == []
    if moment != "loading":
        assert len(tree) >= 2


@pytest.mark.parametrize("number", range(6))
def test_a_killed_parent_leaves_nothing(tmp_path: Path, number: int) -> None:
    kill_at_a_random_moment(tmp_path, number)


@pytest.mark.soak
@pytest.mark.parametrize("number", range(50))
def test_a_parent_killed_fifty_times_leaves_nothing(tmp_path: Path, number: int) -> None:
    kill_at_a_random_moment(tmp_path, 1000 + number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_polite_end_leaves_no_process_and_no_socket(tmp_path: Path, number: signal.Signals) -> None:
    with serving(tmp_path, "--port", "0", "glimpse") as served:
        ask(served.url)
        tree = served.tree
        assert len(tree) >= 2
        served.process.send_signal(number)
        assert served.process.wait(timeout=PATIENCE_S) == 0
    assert not any(process.is_running() for process in tree)
    assert [file for file in tmp_path.rglob("*") if file.is_socket()] == []


def test_what_a_killed_one_left_is_swept_by_the_next(tmp_path: Path) -> None:
    with serving(tmp_path, "--port", "0", "glimpse") as served:
        ask(served.url)
        served.process.send_signal(signal.SIGKILL)
        served.process.wait()
    assert [file for file in tmp_path.rglob("*") if file.is_socket()] != []
    with serving(tmp_path, "--port", "0"):
        assert [file for file in tmp_path.rglob("*") if file.is_socket()] == []


def test_an_interrupted_ask_leaves_nothing(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*VIEWFINDER, "ask", "glimpse", "Hello!"],
        env={**os.environ, "VIEWFINDER_HOME": str(tmp_path)},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    tree: list[psutil.Process] = []
    while len(tree) < 2 and process.poll() is None:
        tree = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=PATIENCE_S) == 130
    assert not any(left.is_running() for left in tree)


def test_a_dead_engine_is_replaced_and_the_request_answered(tmp_path: Path) -> None:
    with serving(tmp_path, "--port", "0", "glimpse") as served:
        ask(served.url)
        (engine,) = [child for child in served.tree if is_engine(child)]
        engine.kill()
        ask(served.url)
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
