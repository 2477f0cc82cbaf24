"""The commands of a recipe, run by a real shell and read by a real parser."""

import ast
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from viewfinder.client.chat import CHAT_PATH
from viewfinder.report.commands import bench_command, commands

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
            check=True,
            timeout=30,
        )
        assert done.stderr == b""
        return done.stdout.decode()

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
    recipe = commands(make.result())
    lines = [typed(line).split("\n")[:-1] for line in (*recipe.shell.splitlines(), recipe.serve)]
    variant = ["--variant", "llama.cpp-f16"]
    assert lines == [
        ["ask", "glimpse", "photo.png", "What is in this image?", *variant],
        ["bench", "glimpse", "--suite", "quick", *variant],
        ["serve", "glimpse", *variant],
    ]


def test_a_repository_without_a_card_is_named_by_its_reference(make: Any) -> None:
    """`bench hf:owner/name` stores it under a name that no later command knows."""
    recipe = commands(make.result("tiny", model_id="owner/tiny-vlm"))
    for line in (*recipe.shell.splitlines(), recipe.serve):
        assert line.split()[2] == "hf:owner/tiny-vlm"
    assert 'load("hf:owner/tiny-vlm"' in recipe.python
    assert '"model": "tiny"' in recipe.http, "the gateway knows it by that"
    assert bench_command(make.result("smol", model_id="smol.gguf"), "quick").split()[2] == "smol"


ODD = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0")
    | st.sampled_from(" \t\n\r\x7f\"'`$\\{}()!#&;|<>*~-=TOMLJSON\u2028\U0001f600"),
    min_size=1,
    max_size=20,
)
NASTY = [
    "a b",
    "it's",
    'we"ird',
    "$HOME",
    "$(id)",
    "`id`",
    "back\\slash",
    "\\$x",
    "DATA_URL",
    "a\nTOML\nJSON\nb",
]
slow_tools = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def odd_names(test: Any) -> Any:
    for name in NASTY:
        test = example(name=name)(test)
    return slow_tools(given(name=ODD)(test))


@odd_names
def test_an_odd_name_reaches_the_command_line_as_it_is(make: Any, typed: Any, name: str) -> None:
    recipe = commands(make.result(name, variant=name, model_id="own.gguf"))
    for script in (recipe.shell, recipe.serve, recipe.http):
        subprocess.run(["bash", "-n"], input=script.encode(), check=True, timeout=30)
    variant = ["--variant", name]
    words = ["ask", name, "photo.png", "What is in this image?", *variant, "bench", name, "--suite", "quick"]
    assert typed(recipe.shell) == "".join(f"{word}\n" for word in [*words, *variant])
    assert typed(recipe.serve) == "".join(f"{word}\n" for word in ["serve", name, *variant])
    sent = typed(recipe.http)
    body = json.loads(sent[sent.index('{"model"') :])
    assert body["model"] == name
    assert body["messages"][0]["content"][1]["image_url"]["url"].startswith("data:image/png;base64,iVBOR")


@odd_names
def test_an_odd_name_reaches_python_as_it_is(make: Any, name: str) -> None:
    tree = ast.parse(commands(make.result(name, variant=name, model_id="own.gguf")).python)
    strings = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)]
    assert strings == [name, name, "photo.png", "What is in this image?"]


@odd_names
def test_an_odd_name_of_a_running_server_reaches_its_settings_as_it_is(
    make: Any, typed: Any, tmp_path: Path, name: str
) -> None:
    server = {"engine": "endpoint", "endpoint": f"http://127.0.0.1:9/{CHAT_PATH}"}
    recipe = commands(make.result(name, model_id=f"-{name}", **server))
    sent = typed(f"{recipe.shell}\nenv -0 > settings")
    (given,) = [
        line.removeprefix("VIEWFINDER_ENDPOINTS=")
        for line in (tmp_path / "settings").read_bytes().decode().split("\0")
        if line.startswith("VIEWFINDER_")
    ]
    assert json.loads(given) == {name: {"base_url": "http://127.0.0.1:9/", "model": f"-{name}"}}
    assert typed(recipe.serve) == f"serve\n{name}\n"
    assert sent.endswith(f"bench\n--endpoint\nhttp://127.0.0.1:9/\n--suite\nquick\n--\n-{name}\n")
