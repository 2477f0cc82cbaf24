"""Two runs of the user's choice, compared as the guide compares a result with the one before."""

from viewfinder.api.baseline import NOTHING
from viewfinder.api.stored import LIST_HINT, run_named
from viewfinder.core import paths
from viewfinder.core.errors import BadRequest
from viewfinder.measure import results as stored
from viewfinder.measure.compare.evidence import evidence_of
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store.store import Store
from viewfinder.report import changes
from viewfinder.report.content import ComparedRun
from viewfinder.report.document import compared
from viewfinder.report.facts import key


def compare_runs(before: str, after: str) -> list[ComparedRun]:
    """Each variant that both runs have, in the order of the later one; a run is named by its id, or by how no
    other id begins. Raises BadRequest: run_not_found, nothing_to_compare."""
    with Store(paths.results_file(), for_reading=True) as store:
        first, second = (_results(store, word) for word in (before, after))
        known = {(one.model, one.variant): one for one in first}
        pairs = [(known[place], one) for one in second if (place := (one.model, one.variant)) in known]
        if not pairs or before == after:
            raise BadRequest(
                "The two runs have no model with the same variant in common, so nothing can be compared.",
                hint=LIST_HINT,
                param="after",
                code=NOTHING,
            )
        evidence = {key(one): evidence_of(store, one) for pair in pairs for one in pair}
        earlier, later = zip(*pairs, strict=True)
        return list(map(compared, changes.compare(later, earlier, evidence)))


def _results(store: Store, word: str) -> list[ModelResult]:
    return stored.readable(store.results_of(run_named(store, word)))
