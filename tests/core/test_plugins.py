"""A third party's package that cannot be imported."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

METADATA = "Metadata-Version: 2.1\nName: old-plugin\nVersion: 1.0\n"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a command with a package installed whose entry point of this group cannot be imported."""
    facts = tmp_path / "old_plugin-1.0.dist-info"
    facts.mkdir()
    (tmp_path / "old_plugin.py").write_text("import viewfinder.gone\n")
    (facts / "METADATA").write_text(METADATA)

    def run(group: str, *words: str) -> "subprocess.CompletedProcess[str]":
        (facts / "entry_points.txt").write_text(f"[viewfinder.{group}]\nold = old_plugin:IT\n")
        return subprocess.run(
            [sys.executable, "-m", "viewfinder", *words],
            env={**os.environ, "VIEWFINDER_HOME": str(tmp_path / "home"), "PYTHONPATH": str(tmp_path)},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    return run


@pytest.mark.parametrize(("group", "command"), [("engines", "models"), ("measures", "bench")])
def test_the_error_names_the_package_and_what_to_do(run: Run, group: str, command: str) -> None:
    """Every command stopped with a traceback of the third party's code."""
    done = run(group, command)
    assert done.returncode == 1
    said = " ".join(done.stderr.split())
    assert "(plugin_broken) 'old' of the package old-plugin" in said
    assert f"viewfinder.{group}: old_plugin:IT" in said
    assert "No module named 'viewfinder.gone'" in said
    assert "pip install --upgrade old-plugin. Or remove it: pip uninstall old-plugin" in said
    assert "Traceback" not in done.stderr


def test_what_only_serves_does_not_need_a_measure(run: Run) -> None:
    done = run("measures", "models", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert '"name": "glimpse"' in done.stdout
