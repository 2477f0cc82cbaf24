"""A measure from outside the package: one file and an entry point, and no other change."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHILDREN = ROOT / "tests" / "children"
ENTRY_POINT = "[viewfinder.measures]\ncolors = third_party_measure:MEASURE\n"
METADATA = "Metadata-Version: 2.1\nName: third-party-measure\nVersion: 1.0\n"
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    """Starts Python with the third party's package installed, in a home of its own."""
    package = tmp_path / "site"
    facts = package / "third_party_measure-1.0.dist-info"
    facts.mkdir(parents=True)
    shutil.copy(CHILDREN / "third_party_measure.py", package)
    (facts / "METADATA").write_text(METADATA)
    (facts / "entry_points.txt").write_text(ENTRY_POINT)
    paths = (str(package), str(ROOT))
    home = {"VIEWFINDER_HOME": str(tmp_path / "home"), "PYTHONPATH": os.pathsep.join(paths)}

    def start(*words: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, *words],
            env={**os.environ, **home},
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    return start


def output_of(child: "subprocess.Popen[str]") -> str:
    out, _ = child.communicate(timeout=100)
    assert child.returncode == 0, out
    return out


def kill_at(child: "subprocess.Popen[str]", word: str, times: int) -> None:
    """SIGKILL at the `times`-th line with that word."""
    assert child.stdout is not None
    for line in child.stdout:
        times -= word in line
        if not times:
            child.kill()
            child.communicate(timeout=100)
            return
    raise AssertionError(f"no more {word!r}")


def test_it_is_measured_survives_a_kill_and_stands_in_the_guide(start: Start) -> None:
    benches = str(CHILDREN / "benches.py")
    kill_at(start(benches), "colors", times=6)
    assert output_of(start(benches, "resume")).endswith("verified\n")
    exported = output_of(start("-m", "viewfinder", "export"))
    asked = [line for line in exported.splitlines() if '"scenario": "colors"' in line]
    assert len(asked) == 12, "nothing is asked twice"
    guide = output_of(start("-m", "viewfinder", "guide"))
    (row,) = [line for line in guide.splitlines() if line.startswith("| Colors told apart (%) |")]
    assert re.fullmatch(r"\| Colors told apart \(%\) \| [\d.]+ \([\d.]+ to [\d.]+\) \| 12 \|", row)
    assert "- **Colors**: one question about a color" in guide


@pytest.mark.soak
def test_without_its_package_its_result_is_kept_and_named(
    start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert output_of(start(str(CHILDREN / "benches.py"))).endswith("verified\n")
    with_it = output_of(start("-m", "viewfinder", "guide"))
    shutil.rmtree(tmp_path / "site")
    assert "| colors | measured by another version |" in output_of(start("-m", "viewfinder", "guide"))
    monkeypatch.undo()
    assert "| Colors told apart (%) |" in with_it


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_it_is_part_of_a_whole_suite(start: Start) -> None:
    kill_at(start("-m", "viewfinder", "bench", "glimpse", "--suite", "quick"), "> colors", times=1)
    assert "verified" in output_of(start("-m", "viewfinder", "bench", "--resume"))
    assert "| Colors told apart (%) |" in output_of(start("-m", "viewfinder", "guide"))


def test_the_page_for_authors_shows_this_very_file() -> None:
    page = (ROOT / "docs" / "add-a-measure.md").read_text()
    assert (CHILDREN / "third_party_measure.py").read_text().strip() in page
    assert ENTRY_POINT.splitlines()[1].partition(" = ")[2] in page
