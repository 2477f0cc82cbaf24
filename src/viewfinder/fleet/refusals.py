"""The errors with which the fleet refuses a request, and when the client may retry."""

import math

from viewfinder.core.config import FleetSettings
from viewfinder.core.errors import Busy, MemoryShort, ModelFailed, ViewfinderError
from viewfinder.fleet.health.entry import ModelEntry


def queue_full(entry: ModelEntry, waiting: int, waiting_for_all: int, settings: FleetSettings) -> Busy | None:
    """The refusal when this model's queue (429) or the whole queue (503) is full; otherwise None."""
    retry_after_s = math.ceil(max(1.0, entry.vitals.request_s * (waiting + 1) / (entry.server.slots or 1)))
    if waiting >= settings.queue_per_model:
        return Busy(
            f"The queue of '{entry.card.name}' is full: {waiting} requests wait.",
            retry_after_s=retry_after_s,
            hint="Retry later, or raise fleet.queue_per_model.",
            code="queue_full",
        )
    if waiting_for_all >= settings.queue:
        return Busy(
            f"The queue is full: {waiting_for_all} requests wait.",
            retry_after_s=retry_after_s,
            hint="Retry later, or raise fleet.queue.",
            code="overloaded",
        )
    return None


def failed(entry: ModelEntry, failure: ViewfinderError) -> ModelFailed:
    """The model died too often; a request does not start it again, only `load` does."""
    return ModelFailed(
        f"'{entry.card.name}' is not started again: {failure.message}",
        hint=f"Fix that, then run: viewfinder load {entry.card.name}",
    )


def memory_short(entry: ModelEntry, budget_bytes: int) -> MemoryShort:
    """The model does not fit, even with every model unloaded that is not pinned."""
    return MemoryShort(
        f"'{entry.card.name}' needs about {entry.vitals.need_bytes / 1e9:.2f} GB of memory, and "
        f"the budget of {budget_bytes / 1e9:.2f} GB has no room for it.",
        hint="Unpin a model, choose a smaller variant, or raise fleet.memory_budget_gb, which is cut to the "
        "memory that this computer or container allows.",
    )


def stopping() -> Busy:
    return Busy("Viewfinder is stopping.", hint="Retry when it is back.", code="stopping")


def unloaded(entry: ModelEntry) -> Busy:
    """The model was unloaded while the request waited or ran."""
    return Busy(f"'{entry.card.name}' is being unloaded.", hint="Retry to load it again.", code="unloading")
