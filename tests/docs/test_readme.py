"""The README: short, and what it prints is what works; no page links to what is not there."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.e2e.conftest import VIEWFINDER, Served, serving

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "MODEL_CARD.md", *sorted((ROOT / "docs").rglob("*.md"))]
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
WITHOUT_SNIPPETS = re.sub(r"```.*?```", "", README, flags=re.DOTALL)
COMMANDS = [
    shlex.split(line, comments=True) for line in re.findall(r"^    (.*)$", WITHOUT_SNIPPETS, re.MULTILINE)
]
ELSEWHERE = {
    ("make", "demo"): "CI runs it",
    ("make", "test"): "this is it",
    ("viewfinder", "serve"): "tests/e2e",
    ("viewfinder", "serve", "--open"): "tests/docs/test_newcomer, tests/browser",
    ("viewfinder", "bench", "glimpse"): "tests/e2e; three minutes",
    ("viewfinder", "guide", "-o", "guide.html"): "tests/e2e; needs what bench has measured",
}


def run(command: Sequence[str], folder: Path, home: Path) -> str:
    """What it prints; it must exit with 0."""
    environment = {**os.environ, "VIEWFINDER_HOME": str(home)}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, cwd=folder, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("readme"), "glimpse", "--port", "0") as served:
        yield served


def test_it_is_short() -> None:
    assert len(README.splitlines()) <= 130


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_snippet_runs_as_printed(served: Served, snippet: str) -> None:
    """But for the port, which may be taken here."""
    code = snippet.replace("http://127.0.0.1:8080", served.url)
    assert run([sys.executable, "-c", code], ROOT, served.home).startswith("Blue.\n")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_command_runs_as_printed(tmp_path: Path, command: list[str]) -> None:
    if tuple(command) in ELSEWHERE:
        return
    program, *arguments = command
    assert program == "viewfinder"
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    said = run([*VIEWFINDER, *arguments], tmp_path, tmp_path / "home")
    assert said == "Blue.\n" or arguments[0] != "ask"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = [*re.findall(r"\]\(([^)\s]+)\)", text), *re.findall(r'src="([^"]+)"', text)]
    local = [link.partition("#")[0] for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in local if link and not (page.parent / link).exists()] == []


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    names = [page.name for page in (ROOT / "docs").glob("*.md") if page.name != "README.md"]
    assert [name for name in names if f"({name})" not in index] == []
