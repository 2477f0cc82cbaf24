"""The changes since the previous run; called by `document`.

A change is shown by a test on the samples of both runs (see `measure/compare/revisions`), between runs of the
same variant and suite on the same machine. Timings of a disturbed run are not compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from viewfinder.measure.compare import machine_speed, revisions
from viewfinder.measure.compare.evidence import Evidence
from viewfinder.measure.compare.revisions import Change
from viewfinder.measure.figures import Measured, Missing
from viewfinder.measure.metrics import SURE
from viewfinder.measure.results import ModelResult
from viewfinder.measure.statistics.contrasts import LEAST_CHANGE
from viewfinder.measure.store import fingerprint
from viewfinder.report.facts import RunModel, disturbance_of, failure_of, key, label, same_machine
from viewfinder.report.figures import phrase


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    """One figure of both runs, its difference with the 95 % interval, and the verdict of the test."""

    figure: str
    before: str
    now: str
    difference: str
    verdict: str
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """One result against its previous one; `not_compared` says why they cannot be compared."""

    label: str
    not_compared: str = ""
    before_run: str = ""
    lines: tuple[ComparedFigure, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """What changed, in one line."""
        if self.not_compared:
            return f"not compared: {self.not_compared}"
        said = "; ".join(f"{one.figure} {one.difference}, {one.verdict}" for one in self.changes)
        return f"{said or f'no change seen in {len(self.lines)} figures'} (against run {self.before_run})"

    @property
    def changes(self) -> tuple[ComparedFigure, ...]:
        return tuple(line for line in self.lines if line.changed)


def compare(
    results: Sequence[ModelResult], previous: Sequence[ModelResult], evidence: Mapping[RunModel, Evidence]
) -> list[Comparison]:
    """Each result against the newest of `previous` that has the same model and variant."""
    return [_compare(result, _before(result, previous), evidence) for result in results]


def _before(result: ModelResult, previous: Sequence[ModelResult]) -> ModelResult | None:
    same = (
        before
        for before in previous
        if (before.model, before.variant) == (result.model, result.variant) and before.run != result.run
    )
    return max(same, key=lambda before: before.measured_at, default=None)


def _compare(
    result: ModelResult, before: ModelResult | None, evidence: Mapping[RunModel, Evidence]
) -> Comparison:
    if before is None:
        return Comparison(label(result), not_compared="no previous run of it is stored")
    if why := _incomparable(result, before):
        return Comparison(label(result), not_compared=why)
    now, then = evidence.get(key(result)), evidence.get(key(before))
    if now is None or then is None:
        return Comparison(label(result), not_compared="the samples of both runs are needed for it")
    quiet = not (result.contaminated or before.contaminated)
    found = revisions.compare(now, then, timings=quiet)
    ordered = sorted(found.items(), key=lambda item: not item[1].changed)
    return Comparison(
        label(result),
        before_run=f"{before.run} of {before.measured_at}",
        lines=tuple(_line(name, change, before, result) for name, change in ordered),
        notes=(*_notes(result, before, now, then), _machine(now, then)),
    )


def _incomparable(result: ModelResult, before: ModelResult) -> str:
    if not same_machine(result, before):
        return "the previous run was on another machine"
    if result.suite != before.suite:
        return f"the previous run was of the suite {before.suite}, this one of {result.suite}"
    failed = (("this", failure_of(result)), ("the previous", failure_of(before)))
    return next((f"in {which} run {failure}" for which, failure in failed if failure), "")


def _line(name: str, change: Change, before: ModelResult, result: ModelResult) -> ComparedFigure:
    if change.changed:
        verdict = f"changed: {'better' if change.better else 'worse'}"
    elif change.is_same:
        verdict = "no change: surely the same within the margin"
    else:
        verdict = "no change seen"
    then, now = (_said(one.facts.figures[name]) for one in (before, result))
    return ComparedFigure(name, then, now, _difference(change), verdict, change.changed)


def _difference(change: Change) -> str:
    """`1.12 times (1.05 to 1.20)` or `+2.0 points (-1.1 to 5.1)`."""
    if not change.is_share:
        value, low, high = machine_speed.ratio(change.contrast)
        return f"{value:.2f} times ({low:.2f} to {high:.2f})"
    seen = change.contrast
    value, low, high = (100 * number for number in (seen.value, seen.low, seen.high))
    return f"{value:+.1f} points ({low:+.1f} to {high:+.1f}, n={seen.n})"


def _notes(result: ModelResult, before: ModelResult, now: Evidence, then: Evidence) -> list[str]:
    """Other differences, as the runs recorded them."""
    notes: list[str] = []
    pairs: list[tuple[str, str, str]] = [("status", before.status, result.status)]
    if now.fingerprint and then.fingerprint:
        differences = fingerprint.differences(then.fingerprint, now.fingerprint)
        notes += [f"measured with another {one}" for one in differences]
    else:
        pairs += [
            ("engine version", before.engine_version, result.engine_version),
            ("quantization", before.quantization, result.quantization),
            ("operating system", before.machine.os, result.machine.os),
        ]
    notes += [f"{name}: {earlier} then, {later} now" for name, earlier, later in pairs if earlier != later]
    for which, run in (("this", result), ("the previous", before)):
        if run.contaminated:
            notes.append(f"timings not compared; of {which} run: {disturbance_of(run)}")
    return notes


def _machine(now: Evidence, then: Evidence) -> str:
    """Whether the machine itself became slower or faster between the runs, by the anchor."""
    contrast = revisions.machine(now, then)
    if isinstance(contrast, str):
        return f"the machine's own speed was not compared: {contrast}"
    took = f"the same work took it {machine_speed.words(contrast)}"
    ratio, _, _ = machine_speed.ratio(contrast)
    if contrast.p >= SURE or 1 / (1 + LEAST_CHANGE) < ratio < 1 + LEAST_CHANGE:
        return f"the machine's own speed: no change seen, {took}"
    became = "slower" if ratio > 1 else "faster"
    return f"the machine itself was {became} than then: {took}; that alone may explain similar changes"


def _said(measured: Measured) -> str:
    return measured.missing if isinstance(measured, Missing) else phrase(measured)
