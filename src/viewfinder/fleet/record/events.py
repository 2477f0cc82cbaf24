"""Events of the server processes; emitted by the fleet and the gateway, read by the event log and metrics.

Each kind of event has a model, and these details:

    load         a start begins: variant, engine
    ready        seconds until each phase of the start: spawned_s, listening_s, ready_s
    death        a process ended unexpectedly: explanation, up_s, post_mortem (a file)
    restart      it will be started again: after_s, deaths
    failed       it will not be started again: reason
    unload       a process was stopped: why ("asked", "idle", "evicted", "changed" or "memory")
    quarantine   the canary failed: fault, evidence
    canary       the canary was checked: good, fault, scenes (their names)
    suspect      answers that can no longer be trusted: answers (their ids)
    replay       a request is retried: reason
    files        a node of a cluster does not serve the model, because its files are missing or differ: reason
    stall        a stalled engine is killed: phase ("prefill", "decode", or "abandoned": it still computed
                 when no request was left), silent_s, expected_s
    refused      requests were refused: code, count, peers (addresses with the most), within_s (none: at once)
    reload       the settings were read again: outcome ("applied", "unchanged", "partly" or "refused"),
                 settings (names of those that changed), models (that restart for it), reason
    peer         another gateway came or went: peer (its name), state, version, reason, models (how many)
    upgrade      a model was compared with itself before its engine or files changed: verdict ("as before",
                 "slower", "faster", "not clear" or "other answers"), says, since (what changed), back (how
                 to undo it)

Those of another gateway's models have its name as `peer`, and a model that begins with it.
"""

import json
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from viewfinder.fleet.record.refusals import Refusals
from viewfinder.host.output import Output

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
    "files",
    "stall",
    "refused",
    "reload",
    "upgrade",
    "peer",
]

KEPT_EVENTS = 1000
"""Events that are kept in memory."""


@dataclass(frozen=True, slots=True)
class Event:
    """`at_s` is wall-clock time, for display only; `details` can be written as JSON."""

    kind: Kind
    model: str
    at_s: float
    details: dict[str, Any]


class Events:
    """The last events, the number of each kind, and the listeners that are called for new ones."""

    def __init__(self) -> None:
        self.recent: deque[Event] = deque(maxlen=KEPT_EVENTS)
        self.counts: Counter[tuple[Kind, str]] = Counter()
        """By kind and model."""
        self._listeners: list[Callable[[Event], None]] = []
        self.refusals = Refusals(self.emit)

    def listen(self, listener: Callable[[Event], None]) -> None:
        """Call `listener` for every new event from now on; it must not raise."""
        self._listeners.append(listener)

    def write_to(self, output: Output) -> None:
        """Write every new event, one JSON object a line; a full disk loses lines, and nothing else fails."""
        self.listen(lambda event: output.feed(json.dumps(asdict(event), default=str).encode() + b"\n"))

    def emit(self, kind: Kind, model: str, **details: Any) -> None:
        event = Event(kind, model, time.time(), details)
        self.recent.append(event)
        self.counts[kind, model] += 1
        for listener in self._listeners:
            listener(event)
