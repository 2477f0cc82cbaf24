"""The requests that wait for a lease, and what the scheduler sees of each model; used by `fleet`."""

import asyncio
from dataclasses import dataclass, field

from viewfinder.fleet.health.entry import ModelEntry
from viewfinder.fleet.process.lease import Lease
from viewfinder.fleet.record.request_shape import RequestShape
from viewfinder.fleet.scheduler import ModelSnapshot


@dataclass(slots=True, eq=False)
class QueuedRequest:
    """A request in the queue. `granted` gets its lease, or None when the model was only to be loaded."""

    entry: ModelEntry
    shape: RequestShape
    wants_lease: bool = True
    granted: "asyncio.Future[Lease | None]" = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


def snapshot_of(entry: ModelEntry) -> ModelSnapshot:
    """An entry as the scheduler sees it."""
    return ModelSnapshot(
        name=entry.name,
        state=entry.state,
        leases=len(entry.leases),
        slots=entry.server.slots,
        holds_bytes=entry.vitals.need_bytes,
        is_held=entry.checks.is_held or entry.server.is_ending,
        is_pinned=entry.pinned,
        idle_s=entry.idle_s,
        reload_s=entry.vitals.load_s,
    )
