"""Answers without an end of their own, such as the stream of the fleet: they end when the server stops.

`listen` makes one of these for a server, `connection` puts it into the scope of each request.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

ENDLESS = "viewfinder.endless"
"""Where a request's scope has its server's endless answers."""


class EndlessAnswers:
    """Those of one server, each with what ends it."""

    def __init__(self) -> None:
        self._ends: dict[object, Callable[[], None]] = {}
        self._is_closed = False

    @contextmanager
    def one(self, end: Callable[[], None]) -> Iterator[None]:
        """Within the block, `end` may be called; at once when the server stops already."""
        if self._is_closed:
            end()
        key = object()
        self._ends[key] = end
        try:
            yield
        finally:
            del self._ends[key]

    def end(self) -> None:
        """End all that there are."""
        for end in tuple(self._ends.values()):
            end()

    def close(self) -> None:
        """End all, also those that begin from now on: the server stops."""
        self._is_closed = True
        self.end()
