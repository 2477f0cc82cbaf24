"""`viewfinder uninstall` after a real life of a state folder."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import VIEWFINDER, serving
from viewfinder.measure.store.store import Store


def run(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "VIEWFINDER_HOME": str(home),
        "XDG_CONFIG_HOME": str(home.parent / "config"),
        "HF_HOME": str(home.parent / "hub"),
    }
    return subprocess.run(
        [*VIEWFINDER, *arguments], capture_output=True, text=True, timeout=120, env=environment, check=False
    )


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A state folder in which a model was served and asked, with results, keys and settings."""
    home = tmp_path / "home"
    settings = tmp_path / "config" / "viewfinder" / "viewfinder.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text("port = 8123\n")
    with serving(home, "glimpse", "--port", "0", "--access-log", home / "logs" / "access.jsonl"):
        assert run(home, "ask", "glimpse", "What is 2 plus 2?").returncode == 0
        refused = run(home, "uninstall", "--yes")
        assert refused.returncode != 0
        assert "owns" in refused.stderr
        assert (home / "logs" / "glimpse.log").is_file()
    assert run(home, "keys", "add", "me").returncode == 0
    with Store(home / "results.sqlite"):
        pass
    return home


def test_nothing_of_ours_is_left_and_nothing_of_others_goes(home: Path) -> None:
    dry = run(home, "uninstall", "--dry-run")
    assert dry.returncode == 0, dry.stderr
    for name in ("results.sqlite", "keys.json", "logs", "viewfinder.toml"):
        assert name in dry.stdout
    assert "The package itself: " in dry.stdout
    assert (home / "results.sqlite").is_file()

    (home / "huggingface").mkdir()
    (home / "huggingface" / "token").write_text("somebody's")
    asked = run(home, "uninstall")
    assert asked.returncode == 2
    assert "--dry-run" in asked.stderr
    listed = json.loads(run(home, "uninstall", "--json", "--dry-run").stdout)
    assert listed["stays"] == [str(home / "huggingface")]
    assert run(home, "uninstall", "--yes").returncode == 0
    assert [
        str(path.relative_to(home.parent)) for path in sorted(home.parent.rglob("*")) if path.is_file()
    ] == ["home/huggingface/token"]

    (home / "huggingface" / "token").unlink()
    (home / "huggingface").rmdir()
    assert "keeps nothing" in run(home, "uninstall", "--dry-run").stdout
    assert run(home, "uninstall", "--yes").returncode == 0
    assert not home.exists()
