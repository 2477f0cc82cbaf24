"""What an earlier run found of a variant that the newest did not look for; pure, called by `api`.

`quick` measures less than `standard`. Run after it, it must not hide what is known already: with the same
fingerprint (the same files, program, settings and computer) the earlier finding still holds, and the status
is judged by both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydantic import BaseModel

from viewfinder.catalog.uncarded import ENDPOINT
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.own_images import MEASURE as OWN
from viewfinder.measure.results import ModelResult, OtherVersion, facts_of
from viewfinder.measure.verdict import judge


def completed(history: Sequence[ModelResult]) -> list[ModelResult]:
    """The results of one variant, the newest first, each with what only the runs before it measured."""
    return [_completed(one, history[place:]) for place, one in enumerate(history, start=1)]


def _completed(result: ModelResult, earlier: Sequence[ModelResult]) -> ModelResult:
    if not result.is_judged or result.failure or not result.fingerprint or result.engine == ENDPOINT:
        return result
    sources: dict[str, ModelResult] = {}
    for one in earlier:
        if one.fingerprint == result.fingerprint and not one.failure:
            for name, finding in one.found.items():
                if name not in result.found and name != OWN.name and _is_known(finding):
                    sources.setdefault(name, one)
    if not sources:
        return result
    more = {name: one.found[name] for name, one in sources.items()}
    found = {**result.found, **more}
    issues = (*result.issues, *facts_of(more).issues)
    verdict = judge(
        replace(facts_of(found), issues=issues), memory_bytes=result.machine.memory_bytes, is_ours=True
    )
    return result.model_copy(
        update={
            "found": found,
            "issues": issues,
            "status": verdict.status,
            "status_reasons": verdict.reasons,
            "notes": (*result.notes, *_notes(sources)),
        }
    )


def _is_known(found: BaseModel) -> bool:
    return not isinstance(found, Missing | OtherVersion)


def _notes(sources: Mapping[str, ModelResult]) -> list[str]:
    """Each earlier run with what is known from it alone."""
    notes = []
    for run in dict.fromkeys(one.run for one in sources.values()):
        names = [name.replace("_", " ") for name, one in sources.items() if one.run == run]
        of = next(one for one in sources.values() if one.run == run)
        busy = f"; its timings were disturbed: {of.contaminated.rstrip('.')}" if of.contaminated else ""
        notes.append(
            f"Measured in an earlier run of {of.suite}, {run} of {of.measured_at}, and not in this one: "
            f"{', '.join(names)}{busy}."
        )
    return notes
