"""Waiting for an engine: what renews the deadline."""

import time

import pytest

from viewfinder.core.errors import EngineStalled
from viewfinder.fleet.process import readiness

from ..conftest import Make, Program


async def test_output_renews_the_deadline(make_server: Make) -> None:
    """A large model on a slow disk talks while it loads: it gets its time."""
    server = make_server(Program("talks_for_a_while.py", "1.0"), deaths=1, start_timeout_s=0.5)
    began_s = time.monotonic()
    with pytest.raises(EngineStalled):
        await server.start()
    assert time.monotonic() - began_s >= 1.3


async def test_an_engine_that_talks_for_ever_is_given_up(
    make_server: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readiness, "LONGEST_START", 3)
    server = make_server(Program("talks_for_a_while.py", "60"), deaths=1, start_timeout_s=0.3)
    with pytest.raises(EngineStalled, match="although it made progress"):
        await server.start()
