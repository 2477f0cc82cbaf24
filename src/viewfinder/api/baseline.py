"""What the newest results are compared with: each model's previous result, or those of a named run; called by
`measuring`."""

import shlex
from collections.abc import Sequence
from dataclasses import replace

from viewfinder.api.stored import LIST_HINT, run_named
from viewfinder.core.errors import BadRequest
from viewfinder.measure import results as stored
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store.store import Store
from viewfinder.report.changes import Comparison

NOTHING = "nothing_to_compare"


def earlier_results(
    store: Store, histories: Sequence[Sequence[ModelResult]], run: str | None
) -> list[ModelResult]:
    """One for each variant that has one; `histories` has the results of each, the newest first.

    A result that is itself of the named run is in the list: it was not measured since. Raises BadRequest.
    """
    if run is None:
        return [earlier for results in histories for earlier in results[1:2]]
    run = run_named(store, run)
    found = [(results[0], one) for results in histories if (one := _of_run(store, results, run))]
    if any(one.run not in (newest.run, newest.own_run) for newest, one in found):
        return [one for _, one in found]
    if not found:
        raise BadRequest(
            f"The run {run} has no result to compare with.", hint=LIST_HINT, param="compare", code=NOTHING
        )
    names = list(dict.fromkeys(one.model for _, one in found))
    since = f"{', '.join(names)} was not measured to the end since"
    raise BadRequest(
        f"The run {run} has no model in common with a later one: {since}.",
        hint=f"Run: viewfinder bench {shlex.join(names)}",
        param="compare",
        code=NOTHING,
    )


def name_incomplete(
    store: Store, results: Sequence[ModelResult], comparisons: Sequence[Comparison]
) -> list[Comparison]:
    """The comparisons of these results, each naming a newer result that was left out for being incomplete."""
    named = []
    for result, comparison in zip(results, comparisons, strict=True):
        newest = next(iter(stored.readable(store.history(result.model, result.variant))), result)
        if newest.status == "incomplete" and newest.run != result.run:
            left_out = f"its newest run {newest.run}, which is incomplete"
            named.append(replace(comparison, left_out=(left_out, *comparison.left_out)))
        else:
            named.append(comparison)
    return named


def _of_run(store: Store, results: Sequence[ModelResult], run: str) -> ModelResult | None:
    """The result of this variant in that run, as it counts in the history where it does; never one that is
    newer than the result that counts."""
    newest = results[0]
    counted = [one for one in results if one.run == run]
    other = [
        one
        for one in stored.readable(store.results_of(run))
        if (one.model, one.variant) == (newest.model, newest.variant)
        and one.measured_at <= newest.measured_at
    ]
    return next(iter(counted or reversed(other)), None)
