"""Every test gets its own home, apart from those of other tests and of the user's Viewfinder."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from viewfinder.engines import registry

signal.signal(signal.SIGINT, signal.default_int_handler)
"""A shell's background job ignores it, and so would every program that a test interrupts."""

os.environ.pop("HF_HUB_OFFLINE", None)
"""The hub's client reads it once; tests that pull have their own hub."""


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("VIEWFINDER_HOME", str(folder))
    monkeypatch.setenv("VIEWFINDER_CONFIG", str(folder / "viewfinder.toml"))
    monkeypatch.delenv("VIEWFINDER_PORT", raising=False)
    return folder


@pytest.fixture(autouse=True)
def known_engines() -> Iterator[None]:
    """Engines are looked up once in a process; a test that adds one must not leave it to the next."""
    yield
    registry.engines.cache_clear()


@pytest.fixture(scope="session")
def miniature_hub(pytestconfig: pytest.Config) -> Path:
    """`HF_HOME` with miniatures of the published models; see `tests/miniatures`."""
    from .miniatures.cache import miniature_home

    assert pytestconfig.cache is not None
    return miniature_home(pytestconfig.cache.mkdir("miniatures"))
