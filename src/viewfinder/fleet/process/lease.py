"""The right to send one request to a ready server process; granted by `fleet`, used by the gateway."""

import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.core.errors import ViewfinderError
from viewfinder.fleet.process.servers import Server
from viewfinder.fleet.record.request_shape import RequestShape


class Lease:
    """One request's hold on a server process; an async context manager that gives it back.

    `heard_s` is when the engine last said something (before that, when the lease was granted), `words` how
    many pieces it has said; both are kept by `heard`, which the gateway calls. While `is_delivering`, it is
    the client that is waited for: the engine may stand still because nobody takes what it said.
    """

    def __init__(
        self,
        server: Server,
        shape: RequestShape,
        *,
        give_back: Callable[["Lease"], None],
        report: Callable[["Lease", ViewfinderError], Awaitable[None]],
        answered: Callable[[str], None],
    ) -> None:
        self.server, self.shape = server, shape
        self.client: ChatClient = server.client
        """The connections to the engine that was up when the lease was granted."""
        self.granted_s = self.heard_s = time.monotonic()
        self.first_word_s: float | None = None
        self.longest_gap_s = 0.0
        self.words = 0
        self.is_delivering = False
        self.revoked: ViewfinderError | None = None
        self._give_back, self._report, self._answered = give_back, report, answered

    @property
    def card(self) -> ModelCard:
        return self.server.card

    @property
    def variant(self) -> Variant:
        return self.server.variant

    @property
    def endpoint(self) -> Endpoint:
        return self.client.endpoint

    def heard(self) -> None:
        """Note that the engine has said something."""
        now_s = time.monotonic()
        if self.first_word_s is None:
            self.first_word_s = now_s
        else:
            self.longest_gap_s = max(self.longest_gap_s, now_s - self.heard_s)
        self.heard_s = now_s
        self.words += 1

    @contextmanager
    def delivering(self) -> Iterator[None]:
        """While a piece is on its way to the client; the engine's silence begins anew afterwards."""
        self.is_delivering = True
        yield
        self.is_delivering, self.heard_s = False, time.monotonic()

    def check(self) -> None:
        """Raise the error by which the lease was revoked, if it was: nothing more may be delivered."""
        if self.revoked is not None:
            raise self.revoked

    def revoke(self, error: ViewfinderError) -> None:
        """Called by the fleet: what this process says from now on is not to be trusted."""
        self.revoked = self.revoked or error

    async def report(self, error: ViewfinderError) -> None:
        """Say that the engine failed; returns when it is known whether the process is still any good."""
        await self._report(self, error)

    def answered(self, answer_id: str) -> None:
        """Say that an answer was delivered whole."""
        self._answered(answer_id)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._give_back(self)
