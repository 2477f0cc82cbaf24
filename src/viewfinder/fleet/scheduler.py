"""Which queued request gets a lease, which model is loaded, and which is evicted; pure, called by `fleet`.

The queue is served in its order (`queue.ClientTurns`), with two exceptions. Requests for a model that is up
overtake those that wait for a load. A model that has to make room is not leased to requests behind. So no
request waits for ever, and two models that do not fit together are not swapped for each request.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from viewfinder.fleet.health.eviction import ModelSnapshot, victims


@dataclass(frozen=True, slots=True)
class QueueItem:
    """A request in the queue: it wants a lease, or (`viewfinder load`) only the model loaded."""

    model: str
    wants_lease: bool = True


@dataclass(frozen=True, slots=True)
class Action:
    """What to do: grant or refuse the queue's item number `item`, or load or evict the model."""

    verb: Literal["grant", "refuse", "load", "evict"]
    model: str
    item: int = -1


def decide(
    models: Mapping[str, ModelSnapshot], queue: Sequence[QueueItem], budget_bytes: int
) -> list[Action]:
    """What to do now, until something changes. A model is loaded only when all of it fits.

    A request for a lease is refused when its model is failed. Any request is refused when its model would not
    fit even with every unpinned model evicted. A request that only loads comes from a person, and
    restarts a failed model.
    """
    actions: list[Action] = []
    leases = {name: model.leases for name, model in models.items()}
    planned_bytes = sum(model.holds_bytes for model in models.values() if model.is_up)
    barred: set[str] = set()
    seen: set[str] = set()
    for number, item in enumerate(queue):
        model = models[item.model]
        if model.state == "failed" and item.wants_lease:
            actions.append(Action("refuse", model.name, number))
        elif model.state == "ready":
            if not item.wants_lease:
                actions.append(Action("grant", model.name, number))
            elif takes_one(model, leases[model.name]) and model.name not in barred:
                leases[model.name] += 1
                actions.append(Action("grant", model.name, number))
        elif not model.is_up and model.name not in seen:
            missing_bytes = planned_bytes + model.holds_bytes - budget_bytes
            if missing_bytes <= 0:
                actions.append(Action("load", model.name))
            else:
                others = [one for one in models.values() if one.is_up and one.name != model.name]
                if not _could_fit(model, others, budget_bytes):
                    actions.append(Action("refuse", model.name, number))
                    continue
                going = _make_room(others, barred, missing_bytes)
                barred.update(going)
                actions += [Action("evict", one) for one in going if leases[one] == 0]
            planned_bytes += model.holds_bytes  # reserved before the models behind it in the queue
            seen.add(model.name)
    return actions


def takes_one(model: ModelSnapshot, leases: int) -> bool:
    """Whether a model with this many leases takes one more now."""
    is_free = model.slots is None or leases < model.slots + model.ahead
    return model.state == "ready" and is_free and not model.is_held


def _could_fit(model: ModelSnapshot, others: Sequence[ModelSnapshot], budget_bytes: int) -> bool:
    staying_bytes = sum(one.holds_bytes for one in others if one.is_pinned)
    return staying_bytes + model.holds_bytes <= budget_bytes


def _make_room(others: Sequence[ModelSnapshot], barred: set[str], missing_bytes: int) -> tuple[str, ...]:
    """The models to evict; none yet when those that can go now are not enough (others are still starting)."""
    coming_bytes = sum(one.holds_bytes for one in others if one.state == "stopping" or one.name in barred)
    if coming_bytes >= missing_bytes:
        return tuple(one.name for one in others if one.name in barred and one.state == "ready")
    candidates = [
        one for one in others if one.state == "ready" and not one.is_pinned and one.name not in barred
    ]
    return victims(candidates, missing_bytes - coming_bytes) or ()
