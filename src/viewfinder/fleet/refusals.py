"""What the fleet says to a request that it turns away, and when it may come again."""

import math

from viewfinder.core.config import FleetSettings
from viewfinder.core.errors import Busy, MemoryShort, ModelFailed, ViewfinderError
from viewfinder.fleet.health.entry import ModelEntry


def queue_full(entry: ModelEntry, waiting: int, waiting_for_all: int, settings: FleetSettings) -> Busy | None:
    """The refusal when no more may wait for this model (429), or for all together (503); else None."""
    retry_after_s = math.ceil(max(1.0, entry.vitals.request_s * (waiting + 1) / (entry.server.slots or 1)))
    if waiting >= settings.queue_per_model:
        return Busy(
            f"{waiting} requests wait for '{entry.card.name}' already.",
            retry_after_s=retry_after_s,
            hint="Ask again later, or raise fleet.queue_per_model.",
            code="queue_full",
        )
    if waiting_for_all >= settings.queue:
        return Busy(
            f"{waiting_for_all} requests wait already.",
            retry_after_s=retry_after_s,
            hint="Ask again later, or raise fleet.queue.",
            code="overloaded",
        )
    return None


def failed(entry: ModelEntry, failure: ViewfinderError) -> ModelFailed:
    """The model died too often: a request does not start it again."""
    return ModelFailed(
        f"'{entry.card.name}' is not started again: {failure.message}",
        hint=f"Mend that, then run: viewfinder load {entry.card.name}",
    )


def memory_short(entry: ModelEntry, budget_bytes: int) -> MemoryShort:
    """The model does not fit, even if everything that may go were gone."""
    return MemoryShort(
        f"'{entry.card.name}' needs about {entry.vitals.need_bytes / 1e9:.2f} GB of memory, and "
        f"the budget of {budget_bytes / 1e9:.2f} GB has no room for it.",
        hint="Unpin a model, choose a smaller variant, or raise fleet.memory_budget_gb.",
    )


def stopping() -> Busy:
    """All of it is being ended."""
    return Busy("Viewfinder is stopping.", hint="Ask again when it is back.", code="stopping")


def unloaded(entry: ModelEntry) -> Busy:
    """Somebody ended the model."""
    return Busy(f"'{entry.card.name}' is being unloaded.", hint="Ask again.", code="unloading")
