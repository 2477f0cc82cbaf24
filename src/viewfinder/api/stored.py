"""`results`: what is stored of earlier runs; listed, shown and removed."""

from collections.abc import Sequence

from viewfinder.core import paths
from viewfinder.core.errors import BadRequest
from viewfinder.measure import results
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store.store import Store, StoredModel

LIST_HINT = "`viewfinder results` lists the runs."


def run_named(store: Store, word: str) -> str:
    """The id of a stored run, by the id or by how no other id begins. Raises BadRequest."""
    runs = [one.run for one in store.runs()]
    found = [run for run in runs if run == word] or [run for run in runs if word and run.startswith(word)]
    if len(found) == 1:
        return found[0]
    said = f"{len(found)} runs begin with {word!r}" if found else f"There is no run {word!r}"
    raise BadRequest(f"{said}.", hint=LIST_HINT, param="run", code="run_not_found")


def stored_models() -> list[StoredModel]:
    """Every model of every run, the newest run first."""
    with Store(paths.results_file(), for_reading=True) as store:
        return store.contents()


def stored_result(run: str, model: str = "") -> ModelResult:
    """The result of a model in a run (see `run_named`), or of its one model. Raises BadRequest when there is
    none."""
    with Store(paths.results_file(), for_reading=True) as store:
        run = run_named(store, run)
        found = [one for one in results.readable(store.results_of(run)) if model in ("", one.model)]
    if len(found) == 1:
        return found[0]
    named = ", ".join(one.model for one in found)
    raise BadRequest(
        f"The run {run!r} has several models: {named}." if found else f"There is no result of {run!r}.",
        hint=f"Run: viewfinder results show {run} MODEL" if found else LIST_HINT,
        param="run",
        code="" if found else "result_not_found",
    )


def remove(runs: Sequence[str], model: str = "") -> list[StoredModel]:
    """Remove runs, or one model of them, with every sample; returns what was removed.

    Raises BadRequest, before anything is removed, when a run or its model is not stored, and AlreadyRunning
    when it is being measured.
    """
    from viewfinder.measure.runner import alone  # all that measures, and most callers only read

    with Store(paths.results_file()) as store:
        removed = [one for one in store.contents() if one.run in runs and model in ("", one.model)]
        for run in runs:
            if run not in {one.run for one in removed}:
                what = f"'{model}' in the run {run!r}" if model else f"run {run!r}"
                raise BadRequest(f"There is no {what}.", hint="`viewfinder results` lists them.", param="run")
        for run in dict.fromkeys(runs):
            with alone(paths.home(), run):
                store.remove(run, model)
    return removed
