"""An event loop whose clock jumps to the next timer when there is nothing to do: hours pass in milliseconds.

Used by the state machine and by tests of what happens after a while. `time.monotonic` follows the loop's
clock while the loop runs; work for threads is done in between, so that a run is the same each time.
"""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar
from unittest import mock

T = TypeVar("T")


class Stuck(Exception):
    """Everybody waits, and nothing will ever happen."""


class VirtualLoop(asyncio.SelectorEventLoop):
    """Begins at 1,000 s: code that takes 0 for "never" must not meet a clock that reads 0."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        super().__init__(_Jumping(self))

    def time(self) -> float:
        return self.now_s

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do the work, on this clock."""
        with mock.patch("time.monotonic", self.time):
            return self.run_until_complete(work)

    def end(self) -> None:
        """Cancel what is left, and close."""

        async def cancel() -> None:
            left = asyncio.all_tasks() - {asyncio.current_task()}
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

        self.run(cancel())
        self.run(self.shutdown_asyncgens())
        self.close()

    def run_in_executor(self, executor: object, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future


class _Jumping(selectors.DefaultSelector):  # type: ignore[valid-type, misc]
    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if not ready and timeout is None:
            raise Stuck
        if not ready:
            self._loop.now_s += timeout or 0.0
        return ready
