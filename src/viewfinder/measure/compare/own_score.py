"""The newest score of the user's own questions beside the newest whole result of a variant; pure, called by
`api`.

`bench --vqa FOLDER --only` measures nothing else. Such a result must neither hide what was measured before,
nor be hidden by it: it gives its score to the whole result, with a note that says so.
"""

from collections.abc import Sequence

from viewfinder.measure.measures.own_images import MEASURE as OWN
from viewfinder.measure.measures.own_images.result import OwnImages
from viewfinder.measure.results import ModelResult


def joined(history: Sequence[ModelResult]) -> list[ModelResult]:
    """The results of one variant that count, the newest first, from all of its stored ones in that order.

    These are the judged ones, incomplete ones only where there are no others; where none is judged, those
    with a score. The nth of them has the nth newest score, whichever run it is from.
    """
    judged = [one for one in history if one.is_judged]
    scored = [one for one in history if isinstance(one.found.get(OWN.name), OwnImages)]
    complete = [one for one in judged if one.status != "incomplete"]
    whole = complete or judged or scored or list(history)
    pairs = zip(whole, [*scored, *whole[len(scored) :]], strict=False)
    return [one if one.run == score.run else _with_score(one, score) for one, score in pairs]


def _with_score(whole: ModelResult, scored: ModelResult) -> ModelResult:
    found = {**whole.found, OWN.name: scored.found[OWN.name]}
    note = f"Your own questions were asked in another run, {scored.run} of {scored.measured_at}"
    if scored.engine_version != whole.engine_version:
        note += f", on {scored.engine} {scored.engine_version}"
    if scored.machine != whole.machine:
        note += ", on another machine or system"
    notes = (*whole.notes, f"{note}.")
    return whole.model_copy(update={"found": found, "notes": notes, "own_run": scored.run})
