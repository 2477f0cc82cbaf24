"""The stored results that count, with the samples behind them; called by `measuring` and `orders`."""

from collections.abc import Sequence

from viewfinder.host.hardware import HardwareKind
from viewfinder.measure import carried
from viewfinder.measure import results as stored
from viewfinder.measure.compare import own_score
from viewfinder.measure.compare.evidence import Evidence, evidence_of
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store.store import Store
from viewfinder.report.facts import RunModel, key


def histories(store: Store) -> list[list[ModelResult]]:
    """The results of each variant that count, the newest first; see `own_score.joined` and
    `carried.completed`.

    Those of the newest result's kind of computer come before all others: figures may be compared only within
    a kind, and a result of another one must not take the place of one that can be.
    """
    latest = stored.readable(store.latest())
    newest = max(latest, key=lambda one: one.measured_at, default=None)
    found = []
    for one in latest:
        history = stored.readable(store.history(one.model, one.variant))
        mine = [each for each in history if newest and each.machine.kind == newest.machine.kind]
        found.append(_counted([*mine, *(each for each in history if each not in mine)]))
    return found


def everywhere(store: Store) -> list[ModelResult]:
    """The newest result of each variant on each kind of computer."""
    found = []
    for one in stored.readable(store.latest()):
        kinds: dict[HardwareKind, list[ModelResult]] = {}
        for each in stored.readable(store.history(one.model, one.variant)):
            kinds.setdefault(each.machine.kind, []).append(each)
        found += [_counted(history)[0] for history in kinds.values()]
    return found


def _counted(history: Sequence[ModelResult]) -> list[ModelResult]:
    return carried.completed(own_score.joined(history))


def evidence_for(store: Store, some: Sequence[ModelResult]) -> dict[RunModel, Evidence]:
    """The evidence of each of these results."""
    return {key(result): evidence_of(store, result) for result in some}
