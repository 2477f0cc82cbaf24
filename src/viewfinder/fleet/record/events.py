"""What happened to the server processes, as it happens; told by the fleet, read by logs and metrics.

Kinds, and what their details tell beside the model:

    load         a start begins: variant, engine
    ready        seconds of each stage: spawned_s, listening_s, ready_s
    death        how a process ended unasked: explanation, up_s, post_mortem (a file)
    restart      it is started again: after_s, deaths
    failed       it is not started again: reason
    unload       ended in good order: why ("asked", "idle", "evicted", "changed", "closing")
    quarantine   the canary went wrong: fault, evidence
    canary       the canary was asked: good, and the number of scenes
    suspect      answers that cannot be trusted any more: answers (their ids)
    replay       a request is asked again: reason
    stall        a silent engine is ended: phase, silent_s, expected_s
    refused      a request was turned away: code
"""

import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal[
    "load",
    "ready",
    "death",
    "restart",
    "failed",
    "unload",
    "quarantine",
    "canary",
    "suspect",
    "replay",
    "stall",
    "refused",
]

KEPT = 1000
"""Events that are kept in memory."""


@dataclass(frozen=True, slots=True)
class Event:
    """`at_s` is the wall clock, for display; `details` can be written as JSON."""

    kind: Kind
    model: str
    at_s: float
    details: dict[str, Any]


class Events:
    """The last events, how often each kind came, and who wants to hear of new ones."""

    def __init__(self, *listeners: Callable[[Event], None]) -> None:
        self.recent: deque[Event] = deque(maxlen=KEPT)
        self.counts: Counter[tuple[Kind, str]] = Counter()
        """By kind and model, since the start."""
        self._listeners = list(listeners)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Tell of new events to one more; it must not raise."""
        self._listeners.append(listener)

    def tell(self, kind: Kind, model: str, **details: Any) -> None:
        """Note one event."""
        event = Event(kind, model, time.time(), details)
        self.recent.append(event)
        self.counts[kind, model] += 1
        for listener in self._listeners:
            listener(event)
