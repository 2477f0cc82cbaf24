"""The Nth call fails, for every N, on the virtual clock: requests end properly, the fleet keeps working.

`tests/faults/test_nth_call` does the same with real processes, for some N.
"""

import asyncio
import errno
import itertools
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from viewfinder.core.errors import EngineDied, EngineError, ViewfinderError
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.process.states import REST

from .playing import play, relay, said
from .world import FakeClient, World


class Nth:
    """Lets the Nth call of everything that is watched fail, or none; `calls` says how many there were."""

    def __init__(self, number: int, error: Exception) -> None:
        self.number, self.error, self.calls = number, error, 0

    def count(self) -> None:
        self.calls += 1
        if self.calls == self.number:
            raise self.error

    @contextmanager
    def watching(self, owner: type, *names: str) -> Iterator[None]:
        def failing(name: str) -> Callable[..., Any]:
            real = getattr(owner, name)

            def call(*words: Any, **more: Any) -> Any:
                self.count()
                return real(*words, **more)

            return call

        with mock.patch.multiple(owner, **{name: failing(name) for name in names}):
            yield


async def tell(ends: set[str], work: Coroutine[Any, Any, object]) -> None:
    try:
        await work
    except ViewfinderError as error:
        ends.add(error.reason)
    else:
        ends.add("done")


def live(folder: Path) -> set[str]:
    """The life of a fleet: models that do not fit together, a death, a canary, the end; how it went."""
    ends: set[str] = set()

    async def story(world: World, fleet: Fleet) -> None:
        for model in ("a", "c", "a"):
            for number in range(2):
                await tell(ends, said(relay(fleet, model, number)))
        await asyncio.sleep(3)
        for engine in world.alive():
            engine.die(signal=9)
        await tell(ends, fleet.load("a"))
        await tell(ends, said(relay(fleet, "a")))
        await asyncio.sleep(100)
        assert {server.state for server in fleet.view().servers} <= {"ready", *REST}
        await fleet.load("a")
        assert await said(relay(fleet, "a"))

    play(story, folder)
    return ends


@pytest.mark.parametrize(
    ("error", "owner", "names", "ways"),
    [
        (EngineDied("No memory for it now."), World, ["start_child"], set()),
        (EngineError("It may not be run."), World, ["start_child"], {"engine_error", "model_failed"}),
        (EngineDied("Nothing listens there."), FakeClient, ["get", "_words"], set()),
        (OSError(errno.ENOSPC, "Full"), Path, ["write_bytes", "write_text", "replace", "mkdir"], set()),
    ],
    ids=["spawn, for a moment", "spawn, for good", "connection", "file"],
)
def test_every_call_may_fail(
    error: Exception, owner: type, names: list[str], ways: set[str], tmp_path: Path
) -> None:
    """A failure that is gone a moment later is not seen by any client."""
    for number in itertools.count(1):
        folder = tmp_path / str(number)
        folder.mkdir()
        nth = Nth(number, error)
        with nth.watching(owner, *names):
            assert live(folder) <= {"done", *ways}, number
        if nth.calls < number:
            assert number > 3
            return
