"""Something that takes seconds to make, for a page that does not wait that long; used by `guide` and
`results`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Soon(Generic[T]):
    """`make` runs once at a time, and continues when nobody waits for it any more."""

    def __init__(self, make: Callable[[], Awaitable[T]]) -> None:
        self._make = make
        self._making: asyncio.Future[T] | None = None

    async def within(self, patience_s: float) -> T | None:
        """What was made, or None if it is not ready in that time. Raises what `make` raises."""
        if self._making is None:
            self._making = asyncio.ensure_future(self._make())
            self._making.add_done_callback(self._end)
        making = self._making
        done, _ = await asyncio.wait({making}, timeout=patience_s)
        return making.result() if done else None

    def _end(self, making: "asyncio.Future[T]") -> None:
        self._making = None
        if not making.cancelled():
            making.exception()  # it was asked for, so that an error that nobody waits for is not logged
