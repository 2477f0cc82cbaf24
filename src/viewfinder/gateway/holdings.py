"""The bytes that all requests hold together: bodies that arrive, and images that wait for an engine.

Made by `app`. `guards` counts what arrives, and `pictures` what is kept of it. When there is no room, the
largest body that is still arriving is cut off: a client that sends slowly cannot keep others out.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast

from starlette.types import Scope

from viewfinder.core.errors import Busy

SMALL_REQUEST_BYTES = 1024 * 1024
"""Requests up to this size have a quarter more room than others: large ones do not keep them out."""
MEMORY_RETRY_S = 2.0

_KEY = "viewfinder.holding"


class Holding:
    """What one request holds. Its methods raise Busy when there is no room."""

    def __init__(self, client: str, all_of_them: "Holdings") -> None:
        self.client = client
        self.size_bytes = 0
        self.was_cut_off = False
        self._all = all_of_them
        self._arriving: asyncio.Timeout | None = None

    @property
    def is_arriving(self) -> bool:
        return self._arriving is not None

    def arrives_within(self, timeout: asyncio.Timeout) -> None:
        """Until `has_arrived`, the body may be cut off by this timeout."""
        self._arriving = timeout

    def has_arrived(self) -> None:
        self._arriving = None

    def grow(self, size_bytes: int) -> None:
        self.become(self.size_bytes + size_bytes)

    def become(self, size_bytes: int) -> None:
        """Hold this much from now on."""
        self._all.make_room(self, size_bytes)
        self._set(size_bytes)

    def release(self) -> None:
        """Hold nothing any more."""
        self._set(0)

    def cut_off(self) -> None:
        """Let it fail at its next step; its bytes no longer count."""
        if self._arriving is not None:
            self._arriving.reschedule(asyncio.get_running_loop().time())
        self.has_arrived()
        self.release()
        self.was_cut_off = True

    def _set(self, size_bytes: int) -> None:
        self._all.total_bytes += size_bytes - self.size_bytes
        self.size_bytes = size_bytes


class Holdings:
    """All requests that hold something."""

    def __init__(self, most_bytes: int) -> None:
        self.total_bytes = 0
        self._most_bytes = most_bytes
        self._all: set[Holding] = set()

    @contextmanager
    def one(self, client: str, scope: Scope) -> Iterator[Holding]:
        """What a request holds, until the end of the block; `holding_of` gets it from its scope."""
        holding = Holding(client, self)
        self._all.add(holding)
        scope[_KEY] = holding
        try:
            yield holding
        finally:
            holding.release()
            self._all.discard(holding)

    def make_room(self, holding: Holding, size_bytes: int) -> None:
        """Cut off others as far as the holding needs it to have this size; one that is alone always may."""
        if holding.was_cut_off:
            raise overloaded()
        most = self._most_bytes if size_bytes > SMALL_REQUEST_BYTES else self._most_bytes * 5 // 4
        while size_bytes > holding.size_bytes:
            others_bytes = self.total_bytes - holding.size_bytes
            if not others_bytes or others_bytes + size_bytes <= most:
                return
            arriving = [one for one in self._all if one is not holding and one.is_arriving and one.size_bytes]
            victim = max(arriving, key=lambda one: self._rank(one, one.size_bytes), default=None)
            if victim is None or self._rank(victim, victim.size_bytes) <= self._rank(holding, size_bytes):
                raise overloaded()
            victim.cut_off()

    def _rank(self, holding: Holding, size_bytes: int) -> tuple[int, int]:
        """What its client holds, and what itself does."""
        clients = sum(one.size_bytes for one in self._all if one.client == holding.client)
        return clients, size_bytes


def holding_of(scope: Scope) -> Holding:
    return cast(Holding, scope[_KEY])


def overloaded() -> Busy:
    return Busy(
        "All requests together hold too much memory.",
        hint="Retry later, send smaller images, or raise limits.held_bytes.",
        retry_after_s=MEMORY_RETRY_S,
        code="overloaded",
    )
