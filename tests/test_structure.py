"""The house's own rules that no linter checks."""

import ast
import importlib
from pathlib import Path

import pytest

import viewfinder

ROOT = Path(__file__).parent.parent
SOURCES = [
    file
    for folder in ("src", "tests", "training", "benchmarks")
    for file in (ROOT / folder).rglob("*.py")
    if "node_modules" not in file.parts
]


def test_no_file_is_longer_than_400_lines() -> None:
    lengths = {file: len(file.read_text().splitlines()) for file in SOURCES}
    assert {str(file.relative_to(ROOT)): n for file, n in lengths.items() if n > 400} == {}


def test_no_function_is_longer_than_60_lines() -> None:
    functions = (
        (file, node)
        for file in SOURCES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    lengths = {
        f"{file.relative_to(ROOT)}: {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for file, node in functions
    }
    assert {name: length for name, length in lengths.items() if length > 60} == {}


def test_no_room_is_a_drawer() -> None:
    drawers = {"utils", "util", "helpers", "common", "manager", "misc"}
    assert [file for file in SOURCES if drawers & {file.stem, *file.parent.parts[len(ROOT.parts) :]}] == []


def test_all_is_what_can_be_imported() -> None:
    assert sorted(viewfinder.__all__) == viewfinder.__all__
    assert all(getattr(viewfinder, name) is not None for name in viewfinder.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        viewfinder.nothing  # noqa: B018


def test_all_names_every_public_home() -> None:
    homes = importlib.import_module("viewfinder")._HOMES
    assert sorted(homes) == viewfinder.__all__


@pytest.mark.parametrize(
    "file",
    [file for file in SOURCES if "tests" not in file.parts],
    ids=lambda file: str(file.relative_to(ROOT)),
)
def test_every_module_says_what_it_is(file: Path) -> None:
    text = file.read_text()
    assert not text.strip() or text.startswith(('"""', "#!"))
