"""The commands of a recipe, run by a real shell and read by a real parser."""

import ast
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from viewfinder.report.commands import commands

PICTURE = b"\x89PNG" + bytes(range(256)) * 2000


@pytest.fixture
def typed(tmp_path: Path) -> Any:
    """Types a command into a shell whose `curl` and `viewfinder` write down what they were given."""
    for name in ("curl", "viewfinder"):
        tool = tmp_path / name
        tool.write_text('#!/bin/sh\nfor word in "$@"; do printf "%s\\n" "$word"; done\ncat\n')
        tool.chmod(0o755)
    (tmp_path / "photo.png").write_bytes(PICTURE)

    def run(command: str) -> str:
        path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=tmp_path,
            env={"PATH": path},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        assert done.stderr == ""
        return done.stdout

    return run


def test_curl_sends_the_picture_whole(make: Any, typed: Any) -> None:
    """512,000 bytes: more than one argument of a command may hold."""
    sent = typed(commands(make.result()).http)
    body = json.loads(sent[sent.index('{"model"') :])
    assert "http://127.0.0.1:8080/v1/chat/completions\n" in sent
    assert "Content-Type: application/json\n" in sent
    assert body["model"] == "glimpse"
    text, image = body["messages"][0]["content"]
    assert text["type"] == "text"
    kind, data = image["image_url"]["url"].split(",")
    assert kind == "data:image/png;base64"
    assert __import__("base64").b64decode(data, validate=True) == PICTURE


def test_a_model_that_does_not_see_is_sent_no_picture(make: Any, typed: Any) -> None:
    blind = commands(make.result(vision=make.gate(0, 20)))
    assert "photo.png" not in blind.shell + blind.http + blind.python
    sent = typed(blind.http)
    body = json.loads(sent[sent.index('{"model"') :])
    assert [part["type"] for part in body["messages"][0]["content"]] == ["text"]


def test_the_command_line_names_model_variant_picture_and_suite(make: Any, typed: Any) -> None:
    """Another variant of the same model would be another measurement."""
    lines = [typed(line).split("\n")[:-1] for line in commands(make.result()).shell.splitlines()]
    variant = ["--variant", "llama.cpp-f16"]
    assert lines == [
        ["serve", "glimpse", *variant],
        ["ask", "glimpse", "photo.png", "What is in this image?", *variant],
        ["bench", "glimpse", "--suite", "quick", *variant],
    ]


def test_the_python_recipe_is_python(make: Any) -> None:
    tree = ast.parse(commands(make.result('we"ird')).python)
    strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert strings == ['we"ird', "llama.cpp-f16", "photo.png", "What is in this image?"]
