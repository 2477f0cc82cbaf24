"""Every example runs as printed, with the embedded model."""

import ast
import asyncio
import inspect
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
SHAPES = EXAMPLES / "shapes.png"


def run(home: Path, name: str, *arguments: object) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "VIEWFINDER_HOME": str(home)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def test_each_is_tested_here() -> None:
    tested = Path(__file__).read_text()
    assert all(f'"{file.name}"' in tested for file in EXAMPLES.iterdir() if file.suffix in (".py", ".ipynb"))


def test_captions(home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(SHAPES.read_bytes())
    (tmp_path / "b.png").write_bytes(b"broken")
    captions, broken = map(json.loads, run(home, "caption_folder.py", tmp_path).splitlines())
    assert captions["image"] == "a.png"
    assert "blue circle" in captions["caption"]
    assert broken.keys() == {"image", "error"}


def test_sorted_pictures(home: Path, tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "a.png").write_bytes(SHAPES.read_bytes())
    (photos / "b.png").write_bytes(b"broken")
    *_, counts = run(home, "sort_folder.py", photos).splitlines()
    assert counts == "{'blue': 1} 1 failed"
    assert (tmp_path / "photos-sorted" / "blue" / "a.png").read_bytes() == SHAPES.read_bytes()


def test_a_receipt_has_its_form(home: Path) -> None:
    receipt = json.loads(run(home, "receipt.py", SHAPES))
    assert receipt.keys() == {"shop", "date", "items", "paid"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", receipt["date"])


def test_a_camera(home: Path) -> None:
    said = run(home, "camera_loop.py", SHAPES, "glimpse", 2)
    assert said.count("blue circle") == 1  # the second picture is the same


def test_two_models(home: Path) -> None:
    lines = run(home, "compare.py", SHAPES, "What color is the circle?", "glimpse", "viewfinder/glimpse")
    assert [line.split()[-1] for line in lines.splitlines()] == ["Blue.", "Blue."]


def test_the_notebook(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    notebook = json.loads((EXAMPLES / "notebook.ipynb").read_text())
    monkeypatch.chdir(EXAMPLES)
    monkeypatch.setenv("VIEWFINDER_HOME", str(home))
    names: dict[str, Any] = {}
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    shown = [_shown(cell, names) for cell in cells]
    assert shown[2] == "Blue."
    assert shown[3][0] == "2."


def _shown(cell: str, names: dict[str, Any]) -> Any:
    """What a notebook shows of a cell: its last expression."""
    *statements, last = ast.parse(cell).body
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    exec(compile(ast.Module(statements, []), "cell", "exec", flags), names)  # noqa: S102
    if not isinstance(last, ast.Expr):
        exec(compile(ast.Module([last], []), "cell", "exec"), names)  # noqa: S102
        return None
    value = eval(compile(ast.Expression(last.value), "cell", "eval", flags), names)  # noqa: S307
    return asyncio.run(value) if inspect.iscoroutine(value) else value
