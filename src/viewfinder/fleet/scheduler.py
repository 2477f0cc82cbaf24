"""Who may use which model now, what is loaded for whom, and what has to go; pure, called by `fleet`.

The queue is served in the order of arrival, with two exceptions: requests for a model that is up pass those
that wait for a load, and a model that has to make room is not handed out to those who came later. So nobody
waits for ever, and a model is not reloaded for each of several requests that stand together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from viewfinder.fleet.health.eviction import Candidate, victims
from viewfinder.fleet.process.states import State


@dataclass(frozen=True, slots=True)
class ModelNow:
    """A model as a decision sees it.

    `slots` None: as many leases as are asked for. `is_held` means that its process, though ready, may not
    be leased now: it is under examination or is being drained. `holds_bytes` is what it holds of the budget
    as long as any process of it may live, and what it will hold when it is loaded.
    """

    name: str
    state: State
    leases: int
    slots: int | None
    holds_bytes: int
    is_held: bool = False
    is_pinned: bool = False
    idle_s: float = 0.0
    reload_s: float = 1.0

    @property
    def is_up(self) -> bool:
        """Whether it takes part of the budget now."""
        return self.state not in ("stopped", "failed")


@dataclass(frozen=True, slots=True)
class Wish:
    """One in the queue: a request that wants a lease, or somebody who only wants the model up."""

    model: str
    wants_lease: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """What to do: `grant` the wish number `wish` of the queue, `refuse` it, `load` or `evict` the model."""

    verb: Literal["grant", "refuse", "load", "evict"]
    model: str
    wish: int = -1


def decide(models: Mapping[str, ModelNow], queue: Sequence[Wish], budget_bytes: int) -> list[Step]:
    """What to do now; nothing more until something changes. A model is loaded only when all of it fits.

    Refused is who wants a lease on a model that is failed, or one that could not fit if everything unpinned
    were gone. Who only wants a failed model up is a person, and starts it again.
    """
    steps: list[Step] = []
    leases = {name: model.leases for name, model in models.items()}
    planned_bytes = sum(model.holds_bytes for model in models.values() if model.is_up)
    barred: set[str] = set()
    seen: set[str] = set()
    for number, wish in enumerate(queue):
        model = models[wish.model]
        if model.state == "failed" and wish.wants_lease:
            steps.append(Step("refuse", model.name, number))
        elif model.state == "ready":
            free = model.slots is None or leases[model.name] < model.slots
            if not wish.wants_lease:
                steps.append(Step("grant", model.name, number))
            elif free and not model.is_held and model.name not in barred:
                leases[model.name] += 1
                steps.append(Step("grant", model.name, number))
        elif not model.is_up and model.name not in seen:
            missing_bytes = planned_bytes + model.holds_bytes - budget_bytes
            if missing_bytes <= 0:
                steps.append(Step("load", model.name))
            else:
                others = [one for one in models.values() if one.is_up and one.name != model.name]
                if not _could_fit(model, others, budget_bytes):
                    steps.append(Step("refuse", model.name, number))
                    continue
                going = _make_room(others, barred, missing_bytes)
                barred.update(going)
                steps += [Step("evict", one) for one in going if leases[one] == 0]
            planned_bytes += model.holds_bytes  # it has its entry in the queue for memory, too
            seen.add(model.name)
    return steps


def _could_fit(model: ModelNow, others: Sequence[ModelNow], budget_bytes: int) -> bool:
    staying_bytes = sum(one.holds_bytes for one in others if one.is_pinned)
    return staying_bytes + model.holds_bytes <= budget_bytes


def _make_room(others: Sequence[ModelNow], barred: set[str], missing_bytes: int) -> tuple[str, ...]:
    """Who has to go; nobody yet when those that can go now are not enough (others are still starting)."""
    coming_bytes = sum(one.holds_bytes for one in others if one.state == "stopping" or one.name in barred)
    if coming_bytes >= missing_bytes:
        return tuple(one.name for one in others if one.name in barred and one.state == "ready")
    candidates = [
        Candidate(one.name, one.holds_bytes, one.idle_s if one.leases == 0 else 0.0, one.reload_s)
        for one in others
        if one.state == "ready" and not one.is_pinned and one.name not in barred
    ]
    return victims(candidates, missing_bytes - coming_bytes) or ()
