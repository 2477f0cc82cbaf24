"""The system refuses the Nth process, connection or file, for every N: one request fails at most."""

import asyncio
import builtins
import errno
import io
import itertools
import os
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from tests.faults.conftest import MODEL, Faulty, Serving, until
from tests.faults.table import RED

ERRORS = {"engine_died", "engine_error", "decode_failed", "internal_error", "overloaded"}


class Nth:
    """Makes the Nth call of a function fail; `calls` is the number of calls."""

    def __init__(self, number: int, error: Callable[[], OSError]) -> None:
        self.number, self.error = number, error
        self.calls = 0

    def count(self) -> None:
        self.calls += 1
        if self.calls == self.number:
            raise self.error()


def refuse_spawns(nth: Nth, monkeypatch: pytest.MonkeyPatch) -> None:
    """No memory for another process."""
    start = subprocess.Popen.__init__

    def init(self: Any, *arguments: Any, **options: Any) -> None:
        self._child_created = False
        nth.count()
        start(self, *arguments, **options)

    monkeypatch.setattr(subprocess.Popen, "__init__", init)


def refuse_connections(nth: Nth, monkeypatch: pytest.MonkeyPatch) -> None:
    """No descriptor for another connection to an engine."""
    loop = asyncio.get_running_loop()
    connect = loop.create_unix_connection

    async def connected(*arguments: Any, **options: Any) -> Any:
        nth.count()
        return await connect(*arguments, **options)

    monkeypatch.setattr(loop, "create_unix_connection", connected)


def refuse_files(nth: Nth, monkeypatch: pytest.MonkeyPatch) -> None:
    """No room for another file or a new name."""
    opened, replaced = io.open, os.replace

    def open_(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if set(mode) & set("wax+") and not isinstance(file, int):
            nth.count()
        return opened(file, mode, *arguments, **options)

    def replace(*arguments: Any, **options: Any) -> None:
        nth.count()
        replaced(*arguments, **options)

    monkeypatch.setattr(io, "open", open_)
    monkeypatch.setattr(builtins, "open", open_)
    monkeypatch.setattr(os, "replace", replace)


REFUSALS: dict[str, tuple[Callable[[Nth, pytest.MonkeyPatch], None], Callable[[], OSError]]] = {
    "spawn": (refuse_spawns, lambda: OSError(errno.ENOMEM, "Cannot allocate memory")),
    "connect": (refuse_connections, lambda: OSError(errno.EMFILE, "Too many open files")),
    "file": (refuse_files, lambda: OSError(errno.ENOSPC, "No space left on device")),
}


@pytest.mark.parametrize("what", REFUSALS)
async def test_some_calls_may_fail_once(serving: Serving, what: str) -> None:
    await refuse_each(serving, what, step=11)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize("what", REFUSALS)
async def test_every_call_may_fail_once(serving: Serving, what: str) -> None:
    await refuse_each(serving, what, step=1)


async def refuse_each(serving: Serving, what: str, step: int) -> None:
    """The same requests again and again; each time the next call is refused, until there is no such call."""
    refuse, error = REFUSALS[what]
    for number in itertools.count(1, step):
        nth = Nth(number, error)
        faulty = await serving("dies-after-two", "first", place=f"{what}-{number}")
        with pytest.MonkeyPatch.context() as monkeypatch:
            refuse(nth, monkeypatch)
            await one_day(faulty)
        if nth.calls < number:
            break
    assert number > 1


async def one_day(faulty: Faulty) -> None:
    """Loads, images, a death and an unload; at most one request fails."""
    replies = [await faulty.ask() for _ in range(4)]
    await faulty.gateway.fleet.unload(MODEL)
    replies += [await faulty.ask() for _ in range(2)]
    failed = [reply for reply in replies if reply != RED]
    assert len(failed) <= 1
    assert {reply.error for reply in failed} <= ERRORS
    if replies[-1] in failed:  # the refused call was one of the last request's
        assert await faulty.ask() == RED
    await until(lambda: faulty.view.state == "ready")
    assert faulty.view.leases == faulty.view.waiting == 0
