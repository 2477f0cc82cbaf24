"""What became worse between two runs of one model, beside its figures: it failed, its status fell, or a gate
is no longer passed; pure, called by `changes`."""

from collections.abc import Mapping

import numpy as np
from scipy import stats as scipy_stats

from viewfinder.measure.compare.revisions import Change
from viewfinder.measure.figures import Gate
from viewfinder.measure.measures.gates.find import FOLLOW_UPS, IMAGE_ANSWERS, TEXT_ANSWERS
from viewfinder.measure.results import ModelResult
from viewfinder.measure.statistics.contrasts import ALPHA, holm
from viewfinder.report.facts import failure_of

_UNUSABLE = ("avoid", "broken", "unverified", "failed")
_UNKNOWN = ("incomplete", "provisional", "not judged")
"""Nothing good or bad is known: neither a fall from one of them nor one to them is a regression."""
_FIGURES = {"vision": IMAGE_ANSWERS, "text": TEXT_ANSWERS, "follow_up": FOLLOW_UPS}
"""The figure that has a gate's answers, question by question."""


def failed_now(result: ModelResult, before: ModelResult | None) -> tuple[str, ...]:
    """That it fails, unless it did so before: then nothing became worse."""
    failure = failure_of(result)
    if not failure or (before is not None and failure_of(before)):
        return ()
    return (f"{failure}; {before.status} then" if before is not None else failure,)


def falls(result: ModelResult, before: ModelResult, changes: Mapping[str, Change]) -> tuple[str, ...]:
    """The clauses on what surely fell between two runs that can be compared."""
    lost = _lost(result, before)
    sure = _surely(lost, changes)
    said = [
        f"{_named(name)} gate passed then with {was.right} of {was.asked}, not passed now with "
        f"{now.right} of {now.asked}"
        for name, (was, now) in lost.items()
        if name in sure
    ]
    if result.status in _UNUSABLE and before.status not in (*_UNUSABLE, *_UNKNOWN):
        by_chance = result.status == "broken" and lost and not sure
        if not by_chance:
            said.insert(0, f"status {before.status} then, {result.status} now")
    return tuple(said)


def _lost(result: ModelResult, before: ModelResult) -> dict[str, tuple[Gate, Gate]]:
    """The gates that were passed then and are not now."""
    then, now = before.facts.gates, result.facts.gates
    return {
        name: (was, gate)
        for name, gate in now.items()
        if isinstance(gate, Gate)
        and isinstance(was := then.get(name), Gate)
        and was.passed
        and not gate.passed
    }


def _surely(lost: Mapping[str, tuple[Gate, Gate]], changes: Mapping[str, Change]) -> set[str]:
    """Those of which fewer answers are surely right: by the questions that both runs were asked, or by their
    number (Fisher's exact test, Holm's correction) where there are none."""
    alike = {name for name in lost if _FIGURES.get(name) in changes}
    paired = {name for name in alike if (one := changes[_FIGURES[name]]).changed and not one.better}
    by_number = holm({name: _p(*gates) for name, gates in lost.items() if name not in alike})
    return paired | {name for name, p in by_number.items() if p < ALPHA}


def _p(was: Gate, now: Gate) -> float:
    table = np.array([[gate.right, gate.asked - gate.right] for gate in (was, now)])
    return float(scipy_stats.fisher_exact(table).pvalue)


def _named(gate: str) -> str:
    return gate.replace("_", "-")
