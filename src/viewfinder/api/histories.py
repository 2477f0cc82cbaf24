"""The stored results that count, with the samples behind them; called by `measuring` and `orders`."""

from collections.abc import Sequence

from viewfinder.measure import carried
from viewfinder.measure import results as stored
from viewfinder.measure.compare import own_score
from viewfinder.measure.compare.evidence import Evidence, evidence_of
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store.store import Store
from viewfinder.report.facts import RunModel, key


def histories(store: Store) -> list[list[ModelResult]]:
    """The results of each variant that count, the newest first; see `own_score.joined` and
    `carried.completed`."""
    return [
        carried.completed(own_score.joined(stored.readable(store.history(one.model, one.variant))))
        for one in stored.readable(store.latest())
    ]


def evidence_for(store: Store, some: Sequence[ModelResult]) -> dict[RunModel, Evidence]:
    """The evidence of each of these results."""
    return {key(result): evidence_of(store, result) for result in some}
