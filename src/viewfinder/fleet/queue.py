"""The requests that wait for a lease; used by `fleet`."""

import asyncio
from dataclasses import dataclass, field

from viewfinder.fleet.health.entry import ModelEntry
from viewfinder.fleet.process.lease import Lease
from viewfinder.fleet.record.request_shape import RequestShape


@dataclass(slots=True, eq=False)
class QueuedRequest:
    """A request in the queue. `granted` gets its lease, or None when the model was only to be loaded."""

    entry: ModelEntry
    shape: RequestShape
    wants_lease: bool = True
    granted: "asyncio.Future[Lease | None]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
