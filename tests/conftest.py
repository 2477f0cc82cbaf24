"""What every test gets: a home of its own, so that no test meets another or the user's Viewfinder."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("VIEWFINDER_HOME", str(folder))
    monkeypatch.setenv("VIEWFINDER_CONFIG", str(folder / "viewfinder.toml"))
    monkeypatch.delenv("VIEWFINDER_PORT", raising=False)
    return folder
