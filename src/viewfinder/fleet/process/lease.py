"""The right to send one request to a ready server; granted by `fleet`, used by the gateway."""

import time
from collections.abc import Awaitable, Callable
from typing import Self

from viewfinder.client.chat import ChatClient
from viewfinder.core.errors import ViewfinderError
from viewfinder.fleet.process.servers import Server
from viewfinder.fleet.process.slot_table import PromptPieces, SlotTable
from viewfinder.fleet.record.request_shape import RequestShape


class Lease:
    """The lease of one request; an async context manager that gives it back.

    The gateway calls `chunk_arrived`, which counts `chunks` and keeps the time of the last one in
    `last_chunk_s` (before the first: when the lease was granted). While `is_delivering`, the client is slow
    to read, and the engine may be silent for that reason alone. While it `is_ahead`, the request waits in the
    engine's own queue until another one ends, and its clock does not run.
    """

    def __init__(
        self,
        server: Server,
        shape: RequestShape,
        *,
        give_back: Callable[["Lease"], None],
        report: Callable[["Lease", ViewfinderError], Awaitable[None]],
        answered: Callable[[str], None],
        is_ahead: bool = False,
        slots: SlotTable | None = None,
        prompt: PromptPieces = (),
    ) -> None:
        self.server, self.shape = server, shape
        self.client: ChatClient = server.client.for_lease(shape)
        """The connections to the process that the lease was granted on."""
        self.granted_s = self.last_chunk_s = time.monotonic()
        self.first_chunk_s: float | None = None
        self.longest_gap_s = 0.0
        self.chunks = 0
        self.is_delivering, self.is_ahead = False, is_ahead
        self.revoked: ViewfinderError | None = None
        self._slots, self._prompt = slots, prompt
        self.slot = slots.take(prompt) if slots is not None and prompt and not is_ahead else None
        """The slot of the engine that has to answer; None: the engine chooses."""
        self._is_answered = False
        self._give_back, self._report, self._answered = give_back, report, answered

    def begin(self, slot: int | None = None) -> None:
        """The engine has a slot for the request that was sent ahead: that of the one that has ended."""
        self.is_ahead, self.granted_s = False, time.monotonic()
        self.last_chunk_s = self.granted_s
        if self._slots is not None and slot is not None and self._prompt and self.slot is None:
            self._slots.hold(slot, self._prompt)
            self.slot = slot

    def end(self) -> None:
        """Called by the fleet when it is given back."""
        if self._slots is not None and self.slot is not None:
            self._slots.free(self.slot, is_idle=self._is_answered)

    def chunk_arrived(self) -> None:
        """Note that the engine sent a part of its answer."""
        now_s = time.monotonic()
        self.is_ahead = False
        if self.first_chunk_s is None:
            self.first_chunk_s = now_s
        else:
            self.longest_gap_s = max(self.longest_gap_s, now_s - self.last_chunk_s)
        self.last_chunk_s = now_s
        self.chunks += 1

    def begin_delivery(self) -> None:
        """Before a chunk is delivered to the client."""
        self.is_delivering = True

    def end_delivery(self) -> None:
        """After it: the engine's silence is counted from here."""
        self.is_delivering, self.last_chunk_s = False, time.monotonic()

    def check(self) -> None:
        """Raise the error of `revoke`, if the lease was revoked: nothing more may be delivered."""
        if self.revoked is not None:
            raise self.revoked

    def revoke(self, error: ViewfinderError) -> None:
        """Called by the fleet: output of this process can no longer be trusted."""
        self.revoked = self.revoked or error

    async def report(self, error: ViewfinderError) -> None:
        """Report that the engine failed; returns when the process was checked."""
        await self._report(self, error)

    def answered(self, answer_id: str) -> None:
        """Report that an answer was delivered whole."""
        self._is_answered = True
        self.client.answered(answer_id)
        self._answered(answer_id)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self._give_back(self)
