"""A real `viewfinder serve` in its own process, on a real llama.cpp server with glimpse."""

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import psutil
import pytest

from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.scene import make_scene

VIEWFINDER = (sys.executable, "-m", "viewfinder")
PATIENCE_S = 60
RAY_OF_E2E = "E2E_RAY_ADDRESS"
"""`tests/cluster/end_to_end` runs files of this folder on both modes."""


@dataclass(frozen=True)
class Served:
    """A running `viewfinder serve`: its process and where it listens."""

    process: subprocess.Popen[str]
    url: str
    home: Path

    @property
    def tree(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)


def run(
    *words: str | Path, home: Path, patience_s: float = PATIENCE_S, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, and return its output."""
    return subprocess.run(
        [*VIEWFINDER, *map(str, words)],
        env={**os.environ, "VIEWFINDER_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=patience_s,
        check=False,
    )


@contextmanager
def serving(home: Path, *words: str | Path, **environment: str) -> Iterator[Served]:
    """Start `viewfinder serve`, wait until it prints its address, and stop it with SIGTERM at the end."""
    process = subprocess.Popen(
        [*VIEWFINDER, "serve", "--json", *map(str, words)],
        env={**os.environ, "VIEWFINDER_HOME": str(home), **environment},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield Served(process, first_document(process)["url"], home)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(timeout=PATIENCE_S)
        process.stdout.close()


@contextmanager
def at_a_terminal(home: Path, *words: str) -> Iterator[tuple[subprocess.Popen[bytes], BinaryIO]]:
    """A command at its own terminal, and our side of that terminal; closing it hangs up."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [*VIEWFINDER, *words],
        env={**os.environ, "VIEWFINDER_HOME": str(home), "TERM": "xterm"},
        stdin=its,
        stdout=its,
        stderr=its,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509
    )
    os.close(its)
    try:
        with open(ours, "r+b", buffering=0) as screen:  # noqa: PTH123
            yield process, screen
    finally:
        process.kill()
        process.wait(timeout=PATIENCE_S)


def first_document(process: subprocess.Popen[str]) -> dict[str, Any]:
    """The JSON that `serve --json` prints once it listens."""
    assert process.stdout is not None
    text = ""
    for line in process.stdout:
        text += line
        if line.startswith("}"):
            document: dict[str, Any] = json.loads(text)
            return document
    raise AssertionError(f"serve ended with {process.wait()} before it listened")


def on_ray() -> tuple[str, ...]:
    """The words with which `serve` has its models on the cluster of RAY_OF_E2E; none where there is none."""
    return ("--ray", address) if (address := os.environ.get(RAY_OF_E2E)) else ()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for a whole file of tests; with RAY_OF_E2E its models are on a Ray cluster."""
    with serving(tmp_path_factory.mktemp("served"), "--port", "0", "glimpse", *on_ray()) as running:
        yield running


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A file with one shape."""
    file = tmp_path / "scene.png"
    file.write_bytes(encode_png(make_scene("command", things=1)))
    return file
