"""What became worse between two runs of one model, beside its figures: it failed, its status fell, or a gate
is no longer passed; pure, called by `changes`."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy

from viewfinder.measure.compare.revisions import Change
from viewfinder.measure.figures import Gate
from viewfinder.measure.measures.gates.find import FOLLOW_UPS, IMAGE_ANSWERS, TEXT_ANSWERS
from viewfinder.measure.results import ModelResult
from viewfinder.measure.statistics.contrasts import ALPHA, holm
from viewfinder.report.facts import clause, failure_of

_RANKS = {"production ready": 3, "verified": 2, "vision-only": 1, "text-only": 1}
"""Of every other status that is known, 0: it cannot be used."""
_UNKNOWN = ("incomplete", "provisional", "not judged")
"""Nothing good or bad is known: neither a fall from one of them nor one to them is a regression."""
_BY_GATES = ("vision-only", "text-only", "broken", "unverified")
"""What a lost gate makes of a status."""
_FIGURES = {"vision": IMAGE_ANSWERS, "text": TEXT_ANSWERS, "follow_up": FOLLOW_UPS}
"""The figure that has a gate's answers, question by question."""


@dataclass(frozen=True, slots=True)
class Fallen:
    """What surely became worse, and what may have, in clauses."""

    sure: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def failed_now(result: ModelResult, before: ModelResult | None) -> tuple[str, ...]:
    """That it fails. If it did so before, that is still no state to pass a test with: a second run would hide
    the first one's failure."""
    failure = failure_of(result)
    if not failure:
        return ()
    return (f"{failure}; {before.status} then" if before is not None else failure,)


def falls(result: ModelResult, before: ModelResult, changes: Mapping[str, Change]) -> Fallen:
    """What fell between two runs that can be compared."""
    lost = _lost(result, before)
    sure = _surely(lost, changes)
    said = {
        name: f"{_named(name)} gate passed then with {was.right} of {was.asked}, not passed now with "
        f"{now.right} of {now.asked}"
        for name, (was, now) in lost.items()
    }
    gates = [text for name, text in said.items() if name in sure]
    doubts = [f"{text}, which may be chance" for name, text in said.items() if name not in sure]
    status = _status(result, before)
    if (status and _is_unsure(result, before)) or (doubts and not gates and result.status in _BY_GATES):
        return Fallen(tuple(gates), (status, *doubts) if status else tuple(doubts))
    return Fallen((status, *gates) if status else tuple(gates), tuple(doubts))


def _status(result: ModelResult, before: ModelResult) -> str:
    """That it fell, or is not known any more, and why; empty if neither."""
    then, now = before.status, result.status
    if then in _UNKNOWN or (now not in _UNKNOWN and _RANKS.get(now, 0) >= _RANKS.get(then, 0)):
        return ""
    reason = clause(result.status_reasons[-1]) if result.status_reasons else ""
    return f"status {then} then, {now} now{f' ({reason})' if reason else ''}"


def _is_unsure(result: ModelResult, before: ModelResult) -> bool:
    """Whether less is known than then, rather than something worse."""
    then, now = before.facts, result.facts
    is_gap = (then.leak_requests is not None and now.leak_requests is None) or (then.trend and not now.trend)
    return result.status in _UNKNOWN or (result.status == "verified" and bool(is_gap))


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
    return float(scipy.stats.fisher_exact(table).pvalue)


def _named(gate: str) -> str:
    return gate.replace("_", "-")
