"""Parses requests without holding up the others: what is large is parsed in a thread; called by `chat`."""

import asyncio
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from viewfinder.core.config import Limits
from viewfinder.media.fairness import Spent
from viewfinder.wire.chat import ParsedRequest, parse_outline
from viewfinder.wire.dialect import COMPLETIONS, Dialect
from viewfinder.wire.outline import RAW_WINDOW_BYTES, outline

SEARCHED_AT_ONCE_BYTES = 1024 * 1024
"""A body of this size is searched for its data URLs in at most 5 ms."""
PARSED_AT_ONCE_BYTES = 8 * 1024
"""JSON of this size is parsed in at most 10 ms, whatever it is; an ordinary request takes 0.2 ms."""


class Parser:
    """The parser of one gateway."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._turns = Turns()
        self._searcher, self._thread = ThreadPoolExecutor(1, "searcher"), ThreadPoolExecutor(1, "parser")
        """One thread each: the loop waits up to 5 ms for every thread that runs Python."""

    async def parse(
        self, body: bytes | bytearray, client: str = "", dialect: Dialect = COMPLETIONS
    ) -> ParsedRequest:
        """The request in `body`; raises what `parse_request` raises.

        Of large ones, that of the client comes first whose requests have taken the least time of late, and of
        one client's the smallest: a photograph never waits for books.
        """
        loop = asyncio.get_running_loop()
        search = partial(outline, body, self.limits.text_bytes, has_raw_base64=dialect.has_raw_base64)
        if len(body) <= (RAW_WINDOW_BYTES if dialect.has_raw_base64 else SEARCHED_AT_ONCE_BYTES):
            outlined = search()
        else:
            outlined = await loop.run_in_executor(self._searcher, search)
        if outlined.work_bytes <= PARSED_AT_ONCE_BYTES and not dialect.in_thread:
            return parse_outline(outlined, self.limits, dialect)
        async with self._turns.take(outlined.work_bytes, client):
            return await loop.run_in_executor(self._thread, parse_outline, outlined, self.limits, dialect)


@dataclass(slots=True, eq=False)
class _Turn:
    size: int
    client: str
    begins: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Turns:
    """A lock that goes to the client that has held it for the least time of late, and of its requests to the
    smallest."""

    def __init__(self) -> None:
        self._waiting: list[_Turn] = []
        self._is_taken = False
        self._spent = Spent()

    @asynccontextmanager
    async def take(self, size: int, client: str = "") -> AsyncIterator[None]:
        if self._is_taken:
            turn = _Turn(size, client)
            self._waiting.append(turn)
            try:
                await turn.begins
            except asyncio.CancelledError:
                if turn in self._waiting:
                    self._waiting.remove(turn)
                else:  # it was granted just now
                    self._pass_on()
                raise
        self._is_taken = True
        began_s = time.monotonic()
        try:
            yield
        finally:
            now_s = time.monotonic()
            self._spent.add(client, now_s - began_s, now_s)
            self._pass_on()

    def _pass_on(self) -> None:
        waiting = [turn for turn in self._waiting if not turn.begins.done()]  # the rest are being cancelled
        self._is_taken = bool(waiting)
        if waiting:
            now_s = time.monotonic()
            best = min(waiting, key=lambda turn: (self._spent.of(turn.client, now_s), turn.size))
            self._waiting.remove(best)
            best.begins.set_result(None)
