"""What the tests of this room share: real child programs, and proof that nothing is left of them."""

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from viewfinder.host.child import Child, ChildSpec

CHILDREN = Path(__file__).parents[1] / "children"

Start = Callable[..., Awaitable[Child]]
AssertGone = Callable[[Iterable[psutil.Process]], None]


@pytest.fixture(params=["sleeps", "ignores_term", "forks_three", "escapes"])
def shape(request: pytest.FixtureRequest) -> str:
    """A program of each shape that an engine's processes may take; all say that they are ready."""
    return str(request.param)


@pytest.fixture
def spec(tmp_path: Path) -> Callable[..., ChildSpec]:
    """Makes the spec of a program in tests/children."""

    def make(program: str, *arguments: object, **options: object) -> ChildSpec:
        argv = (sys.executable, str(CHILDREN / f"{program}.py"), *map(str, arguments))
        settings: dict[str, object] = {"env": dict(os.environ), "log_file": tmp_path / f"{program}.log"}
        return ChildSpec(argv, **(settings | options))  # type: ignore[arg-type]

    return make


@pytest.fixture
async def start(spec: Callable[..., ChildSpec]) -> AsyncIterator[Start]:
    """Starts a program in tests/children, waits for its "ready" (unless `ready` is False), stops it."""
    started: list[Child] = []

    async def start(program: str, *arguments: object, ready: bool = True, **options: object) -> Child:
        child = await Child.start(spec(program, *arguments, **options))
        started.append(child)
        async with asyncio.timeout(10):
            while ready and "ready" not in child.tail():  # noqa: ASYNC110
                await asyncio.sleep(0.005)
        return child

    yield start
    for child in started:
        await child.stop(0)


@pytest.fixture
def assert_gone() -> AssertGone:
    """Fails unless the processes end within 2 s; a zombie has ended."""

    def alive(processes: Iterable[psutil.Process]) -> Iterator[psutil.Process]:
        for process in processes:
            with suppress(psutil.NoSuchProcess):
                if process.status() != psutil.STATUS_ZOMBIE:
                    yield process

    def check(processes: Iterable[psutil.Process]) -> None:
        deadline_s = time.monotonic() + 2
        while (left := list(alive(processes))) and time.monotonic() < deadline_s:
            psutil.wait_procs(left, timeout=0.02)
        assert not left

    return check
