"""Requests that were refused, by the fleet or by the gateway: each is counted, few become events.

Strangers can cause refusals, as many as they like. The first one of a kind is an event at once; those of the
minute after it become one event at its end.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from viewfinder.core.seldom import MINUTE_S

PEERS = 5
"""Addresses that an event names, those with the most refusals."""
KEPT_PEERS = 1000
"""Addresses that are told apart within a minute."""

Emit = Callable[..., None]
"""`Events.emit`."""
Later = Callable[[float, Callable[[], None]], Any]
"""Calls a function after a number of seconds, as `loop.call_later`."""


@dataclass(slots=True)
class _Minute:
    """The refusals of one kind since the last event."""

    count: int = 0
    peers: Counter[str] = field(default_factory=Counter)

    def add(self, peer: str) -> None:
        self.count += 1
        if peer and (peer in self.peers or len(self.peers) < KEPT_PEERS):
            self.peers[peer] += 1


class Refusals:
    """The refusals of one fleet, by code and model; within a running event loop, or with a `later`."""

    def __init__(self, emit: Emit, later: Later | None = None) -> None:
        self._emit, self._later = emit, later
        self._minutes: dict[tuple[str, str], _Minute] = {}
        self._listeners: list[Callable[[str, str], None]] = []

    def listen(self, listener: Callable[[str, str], None]) -> None:
        """Call `listener` with the code and the model of every refusal from now on; it must not raise."""
        self._listeners.append(listener)

    def add(self, code: str, model: str = "", peer: str = "") -> None:
        """One request was refused: by the fleet for a model, or by the gateway before there was one; `peer`
        is the address that it came from."""
        for listener in self._listeners:
            listener(code, model)
        kind = code, model
        if kind in self._minutes:
            self._minutes[kind].add(peer)
            return
        self._begin(kind)
        one = _Minute()
        one.add(peer)
        self._report(kind, one)

    def flush(self) -> None:
        """Report what the running minutes have counted, because there will be no end of them."""
        for kind, counted in tuple(self._minutes.items()):
            if counted.count:
                self._minutes[kind] = _Minute()
                self._report(kind, counted)

    def _begin(self, kind: tuple[str, str]) -> None:
        self._minutes[kind] = _Minute()
        later = self._later or asyncio.get_running_loop().call_later
        later(MINUTE_S, lambda: self._end(kind))

    def _end(self, kind: tuple[str, str]) -> None:
        ended = self._minutes.pop(kind)
        if ended.count:
            self._begin(kind)
            self._report(kind, ended, within_s=MINUTE_S)

    def _report(self, kind: tuple[str, str], refused: _Minute, **more: float) -> None:
        code, model = kind
        peers = [peer for peer, _ in refused.peers.most_common(PEERS)]
        self._emit("refused", model, code=code, count=refused.count, peers=peers, **more)
