"""Every test gets its own home, apart from those of other tests and of the user's Viewfinder."""

import atexit
import gc
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from viewfinder.engines import registry

signal.signal(signal.SIGINT, signal.default_int_handler)
"""A shell's background job ignores it, and so would every program that a test interrupts."""

os.environ.pop("HF_HUB_OFFLINE", None)
"""The hub's client reads it once; tests that pull have their own hub."""

NOBODYS = tempfile.mkdtemp(prefix="vf-nobodys-")
"""The state folder while tests are collected: settings that a module makes then must not name what the person
at this computer has built or set. Each test has its own."""
atexit.register(shutil.rmtree, NOBODYS, ignore_errors=True)
Path(NOBODYS, "viewfinder.toml").touch()
os.environ |= {"VIEWFINDER_HOME": NOBODYS, "VIEWFINDER_CONFIG": str(Path(NOBODYS, "viewfinder.toml"))}

OF_THE_TESTS = ("VIEWFINDER_SOAK_", "VIEWFINDER_MEASURED", "VIEWFINDER_VALIDATE")
"""Variables that the tests' own modules have read; a `serve` that a test starts would warn of them."""


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("VIEWFINDER_HOME", str(folder))
    settings = folder / "viewfinder.toml"
    settings.touch()
    monkeypatch.setenv("VIEWFINDER_CONFIG", str(settings))
    monkeypatch.delenv("VIEWFINDER_PORT", raising=False)
    for name in [name for name in os.environ if name.startswith(OF_THE_TESTS)]:
        monkeypatch.delenv(name)
    return folder


@pytest.fixture(autouse=True)
def known_engines() -> Iterator[None]:
    """Engines are looked up once in a process; a test that adds one must not leave it to the next, nor find
    those that a module looked up while the tests were collected."""
    registry.engines.cache_clear()
    yield
    registry.engines.cache_clear()


@pytest.fixture(scope="session")
def miniature_hub(pytestconfig: pytest.Config) -> Path:
    """`HF_HOME` with miniatures of the published models; see `tests/miniatures`."""
    from .miniatures.cache import miniature_home

    assert pytestconfig.cache is not None
    return miniature_home(pytestconfig.cache.mkdir("miniatures"))


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """What was collected stays to the end; each full collection of garbage would look through half a million
    objects again, in the middle of a test."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The longest block of an event loop that `tests/hostile` has watched; each test checks its own."""
    blocks = [
        (value, report.nodeid)
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, value in getattr(report, "user_properties", ())
        if name == "loop_block_ms"
    ]
    if blocks:
        longest_ms, test = max(blocks)
        number = len({nodeid for _, nodeid in blocks})
        terminalreporter.write_line(
            f"Event loops in {number} tests of tests/hostile: the longest block was {longest_ms} ms ({test})."
        )
