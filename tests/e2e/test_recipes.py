"""Every recipe of glimpse's guide does what it says when it is copied from the Markdown.

Lines for a shell run in one with `viewfinder` on its PATH, Python in a fresh interpreter, curl against the
server of the recipe. Only `bench` is parsed and not run: a run takes minutes, and other tests run it.
"""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import typer

from tests.report.sets import measured
from viewfinder.catalog.published import published
from viewfinder.cli.main import app
from viewfinder.report.document import make_guide
from viewfinder.report.formats import write
from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.scene import make_scene

from .conftest import PATIENCE_S

SCENE = make_scene("recipe", things=1)


@pytest.fixture(scope="module")
def recipes() -> dict[str, str]:
    """The blocks to copy, each by the line above it."""
    guide = write(make_guide([measured()], published()), "md")
    return dict(re.findall(r"^([^\n]+):\n\n```\w+\n(.+?)\n```$", guide, re.MULTILINE | re.DOTALL))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The user's folder, with a picture."""
    (tmp_path / "photo.png").write_bytes(encode_png(SCENE))
    return tmp_path


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number: int = free.getsockname()[1]
    return number


@pytest.fixture
def environment(home: Path, port: int) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    known = {"VIEWFINDER_HOME": str(home), "VIEWFINDER_PORT": str(port), "PATH": path}
    return {**os.environ, **known}


def typed(script: str, folder: Path, environment: dict[str, str], *program: str) -> str:
    done = subprocess.run(
        [*(program or ("sh", "-e", "-c")), script],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def is_right(answer: str) -> bool:
    """Whether it names what is in the picture."""
    (thing,) = SCENE.things
    return f"{thing.color} {thing.shape}" in answer


def test_there_are_no_other_recipes(recipes: dict[str, str]) -> None:
    assert list(recipes) == [
        "Command line; photo.png is a picture of your own",
        "A server, until Ctrl-C",
        "HTTP, while it runs",
        "Python",
    ]


def test_the_command_line(recipes: dict[str, str], folder: Path, environment: dict[str, str]) -> None:
    ask, bench = recipes["Command line; photo.png is a picture of your own"].splitlines()
    assert is_right(typed(ask, folder, environment))
    program, command, *words = shlex.split(bench)
    assert (program, command) == ("viewfinder", "bench")
    group = typer.main.get_command(app)
    chosen = group.get_command(typer.Context(group), command)  # type: ignore[attr-defined]
    parsed = chosen.make_context(command, words).params
    assert (parsed["names"], parsed["suite"]) == (["glimpse"], "standard")
    assert parsed["variant"] == [measured().variant]


def test_python(recipes: dict[str, str], folder: Path, environment: dict[str, str]) -> None:
    assert is_right(typed(recipes["Python"], folder, environment, sys.executable, "-c"))


def test_the_server_and_curl(
    recipes: dict[str, str], folder: Path, environment: dict[str, str], port: int
) -> None:
    """The port of the recipe may be taken here: the environment gives the server another one."""
    curl = recipes["HTTP, while it runs"]
    assert curl.count("http://127.0.0.1:8080/") == 1
    with serving(recipes["A server, until Ctrl-C"], folder, environment, port):
        reply = json.loads(typed(curl.replace(":8080/", f":{port}/"), folder, environment))
    assert is_right(reply["choices"][0]["message"]["content"])


@contextmanager
def serving(script: str, folder: Path, environment: dict[str, str], port: int) -> Iterator[None]:
    """The recipe in a shell, until Ctrl-C; the block runs once it listens."""
    shell = subprocess.Popen(
        ["sh", "-c", f"exec {script}"], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True
    )
    try:
        assert shell.stdout is not None
        assert shell.stdout.readline().startswith(f"Viewfinder listens at http://127.0.0.1:{port}/v1")
        yield
    finally:
        shell.send_signal(signal.SIGINT)
        shell.communicate(timeout=PATIENCE_S)
