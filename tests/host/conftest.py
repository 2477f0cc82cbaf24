"""What the tests of this room share: real child programs, and proof that nothing is left of them."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from viewfinder.host.child import Child, ChildSpec

CHILDREN = Path(__file__).parents[1] / "children"

Start = Callable[..., Awaitable[Child]]


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
