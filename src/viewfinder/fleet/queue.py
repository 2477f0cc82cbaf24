"""The requests that wait for a lease, and whose turn it is; used by `fleet`."""

import asyncio
import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from viewfinder.fleet.health.entry import ModelEntry
from viewfinder.fleet.process.lease import Lease
from viewfinder.fleet.process.slot_table import PromptPieces
from viewfinder.fleet.record.request_shape import RequestShape

MOST_CLIENTS = 4096
"""Of more, the one whose last turn is longest ago is forgotten."""


@dataclass(slots=True, eq=False)
class QueuedRequest:
    """A request in the queue. `granted` gets its lease, or None when the model was only to be loaded."""

    entry: ModelEntry
    shape: RequestShape
    wants_lease: bool = True
    client: str = ""
    prompt: PromptPieces = ()
    granted: "asyncio.Future[Lease | None]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class ClientTurns:
    """Whose turn it is: clients take turns, however many requests one of them has.

    It is the turn of the client that was granted a lease least recently. One that has had none of late comes
    behind those that wait already: clients without end keep nobody out, and no request waits for ever.
    """

    def __init__(self) -> None:
        self._moments = itertools.count(1)
        self._since: dict[str, int] = {}

    def joined(self, client: str) -> None:
        """A request of the client waits from now on."""
        self._since.setdefault(client, next(self._moments))

    def granted(self, client: str) -> None:
        """The client was granted a lease."""
        self._since.pop(client, None)
        self._since[client] = next(self._moments)
        if len(self._since) > MOST_CLIENTS:
            del self._since[next(iter(self._since))]

    def order(self, queue: Iterable[QueuedRequest]) -> list[QueuedRequest]:
        """The queue in the order in which it is served; of one client in that of arrival."""
        before: Counter[tuple[str, str]] = Counter()
        ranked: list[tuple[int, int, QueuedRequest]] = []
        for queued in queue:
            own = (queued.client, queued.entry.name)
            ranked.append((before[own], self._since.get(queued.client, 0), queued))
            before[own] += 1
        return [queued for _, _, queued in sorted(ranked, key=lambda one: one[:2])]


def last_of_most(queue: Iterable[QueuedRequest], client: str) -> QueuedRequest | None:
    """The request that makes room in a full queue for one of `client`: the last of the client that has most,
    unless that is hardly more than `client` would have."""
    waiting = [queued for queued in queue if queued.wants_lease]
    number = Counter(queued.client for queued in waiting)
    most = max(number, key=number.__getitem__, default=client)
    if number[most] <= number[client] + 1:
        return None
    return [queued for queued in waiting if queued.client == most][-1]
