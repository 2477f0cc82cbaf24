"""The changes since an earlier run, and which of them are regressions; called by `document` and `api`.

A change is shown by a test on the samples of both runs (see `measure/compare/revisions`), between runs of the
same variant and suite on the same machine. Timings of a disturbed run are not compared, and a time has
changed only if it changed by more than the machine's own.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from viewfinder.measure.compare import machine_speed, revisions
from viewfinder.measure.compare.evidence import Evidence, readers
from viewfinder.measure.compare.revisions import Change
from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.base import ProcessValues
from viewfinder.measure.metrics import SURE
from viewfinder.measure.results import ModelResult
from viewfinder.measure.statistics.contrasts import LEAST_CHANGE, Contrast
from viewfinder.measure.store import fingerprint
from viewfinder.report.facts import RunModel, clause, disturbance_of, failure_of, key, label, same_machine
from viewfinder.report.falls import failed_now, falls
from viewfinder.report.figures import phrase

_MOST_DIFFERENCES = 3
"""Differences between two runs that stand beside a change; all of them stand in the notes."""
BETTER, WORSE, SAME = "changed: better", "changed: worse", "no change: surely the same within the margin"
"""Verdicts; each other one leaves open whether there was a change."""
_AS_MACHINE = "no change beyond the machine's own"


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    """One figure of both runs, its difference with the 95 % interval, and the verdict of the test."""

    figure: str
    before: str
    now: str
    difference: str
    verdict: str
    changed: bool = False
    worse: bool = False
    caveat: str = ""
    """Why the machine's own speed could not be taken out of a time that changed."""

    @property
    def change(self) -> str:
        return f"{self.figure} {self.difference}, {'worse' if self.worse else 'better'}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """One result against an earlier one; `not_compared` says why their figures cannot be compared.

    `fell` has what became worse beside figures: a failure, the status, a gate; `doubts` what may have become
    worse. `left_out` has the figures that could not be compared, with the reason. `explanation` is what else
    differs between the two runs, which may be why; `since` names the earlier one.
    """

    label: str
    not_compared: str = ""
    before_run: str = ""
    lines: tuple[ComparedFigure, ...] = ()
    notes: tuple[str, ...] = ()
    fell: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    explanation: str = ""
    since: str = ""

    @property
    def line(self) -> str:
        """What changed, in one line."""
        since = f" (since {self.since})" if self.since else ""
        worse = [one for one in self.changes if one.worse]
        better = [one for one in self.changes if not one.worse]
        if said := [*self.fell, *_in_short(worse), *_in_short(better)]:
            unknown = "the machine's own speed unknown" if any(one.caveat for one in self.changes) else ""
            return "; ".join(filter(None, (*said, self.explanation, unknown))) + since
        if self.not_compared:
            return f"not compared: {self.not_compared}"
        seen = _AS_MACHINE if any(one.verdict == _AS_MACHINE for one in self.lines) else "no change seen"
        return f"{seen} in {len(self.lines)} figures{since}"

    @property
    def changes(self) -> tuple[ComparedFigure, ...]:
        return tuple(line for line in self.lines if line.changed)


@dataclass(frozen=True, slots=True)
class Regression:
    """One thing that became worse: a figure, a gate, a status, or a model that fails."""

    label: str
    what: str
    explanation: str
    since: str

    @property
    def line(self) -> str:
        said = "; ".join(filter(None, (self.what, self.explanation)))
        return f"{self.label}: {said}{f' (since {self.since})' if self.since else ''}"


def regressions(comparisons: Sequence[Comparison]) -> list[Regression]:
    """Everything that surely became worse, in the order of the models."""
    return [
        Regression(one.label, what, one.explanation, one.since)
        for one in comparisons
        for what in (*one.fell, *(_regressed(line) for line in one.lines if line.worse))
    ]


def open_questions(comparisons: Sequence[Comparison]) -> list[str]:
    """What is not known to have become worse or not, one line each."""
    lines = []
    for one in comparisons:
        if one.not_compared:
            lines.append(f"not compared: {one.label}: {one.not_compared}")
        lines += [f"not sure: {one.label}: {doubt}" for doubt in one.doubts]
        lines += [f"not compared: {one.label}: {what}" for what in one.left_out]
    return lines


def _in_short(changes: Sequence[ComparedFigure]) -> list[str]:
    """All of them, which are all worse or all better; the first with its interval, the others' are in the
    table."""
    if not changes:
        return []
    first, *others = changes
    sizes = (f"{one.figure} {one.difference.partition(' (')[0]}" for one in others)
    said = "; ".join((f"{first.figure} {first.difference}", *sizes))
    return [f"{'worse' if first.worse else 'better'}: {said}"]


def _regressed(line: ComparedFigure) -> str:
    return f"{line.change} ({line.caveat})" if line.caveat else line.change


def compare(
    results: Sequence[ModelResult], previous: Sequence[ModelResult], evidence: Mapping[RunModel, Evidence]
) -> list[Comparison]:
    """Each result against the newest of `previous` that has the same model and variant."""
    return [_compare(result, previous, evidence) for result in results]


def _compare(
    result: ModelResult, previous: Sequence[ModelResult], evidence: Mapping[RunModel, Evidence]
) -> Comparison:
    same = [one for one in previous if (one.model, one.variant) == (result.model, result.variant)]
    earlier = [one for one in same if one.run != result.run]
    before = max(earlier, key=lambda one: one.measured_at, default=None)
    if before is None:
        none = "it was not measured again since" if same else "no earlier run of it to compare with"
        return Comparison(label(result), not_compared=none, fell=failed_now(result, None))
    now, then = evidence.get(key(result)), evidence.get(key(before))
    common = Comparison(
        label(result),
        before_run=f"{before.run} of {before.measured_at}",
        fell=failed_now(result, before),
        explanation=_explanation(result, before, now, then),
        since=f"{before.run}, {before.measured_at[:10]}",
    )
    if why := _incomparable(result, before):
        return replace(common, not_compared=why)
    if now is None or then is None:
        return replace(common, not_compared="the samples of both runs are needed for it")
    found = revisions.compare(now, then, timings=not (result.contaminated or before.contaminated))
    machine = revisions.machine(now, then)
    fallen = falls(result, before, found)
    ordered = sorted(found.items(), key=lambda item: not item[1].changed)
    return replace(
        common,
        lines=tuple(_line(name, change, before, result, machine) for name, change in ordered),
        notes=(*_notes(result, before, now, then), _machine(machine)),
        fell=fallen.sure,
        doubts=fallen.doubts,
        left_out=tuple(_left_out(result, before, found)),
    )


def _incomparable(result: ModelResult, before: ModelResult) -> str:
    failed = (("this", failure_of(result)), ("the earlier", failure_of(before)))
    if said := [f"in {which} run {failure}" for which, failure in failed if failure]:
        return "; ".join(said)
    if not same_machine(result, before):
        return "the earlier run was on another machine"
    if result.suite != before.suite:
        return f"the earlier run was of the suite {before.suite}, this one of {result.suite}"
    return ""


def _left_out(result: ModelResult, before: ModelResult, found: Mapping[str, Change]) -> Iterator[str]:
    """The figures of the earlier run that were not compared, by the reason."""
    busy = next(filter(None, map(disturbance_of, (result, before))), "")
    names: dict[str, list[str]] = {}
    for name, was in before.facts.figures.items():
        if name in found or not isinstance(was, Figure):
            continue
        now, reader = result.facts.figures[name], readers()[name]
        why = clause(now.missing) if isinstance(now, Missing) else ""
        if not why and busy and isinstance(reader, ProcessValues) and reader.is_timing:
            why = busy
        names.setdefault(why or "too few samples that both runs have", []).append(name)
    for why, some in names.items():
        yield f"{'; '.join(some)}: {why}"


def _line(
    name: str, change: Change, before: ModelResult, result: ModelResult, machine: Contrast | str
) -> ComparedFigure:
    worse = change.changed and not change.better
    if change.changed:
        verdict = WORSE if worse else BETTER
    elif change.as_machine:
        verdict = _AS_MACHINE
    elif change.is_same:
        verdict = SAME
    else:
        verdict = "no change seen"
    then, now = (_said(one.facts.figures[name]) for one in (before, result))
    is_time = change.changed and change.is_timing
    caveat = (
        f"the machine's own speed is not taken out: {machine}" if is_time and isinstance(machine, str) else ""
    )
    return ComparedFigure(name, then, now, _difference(change), verdict, change.changed, worse, caveat)


def _difference(change: Change) -> str:
    """`1.12 times (1.05 to 1.20)` or `+2.0 points (-1.1 to 5.1)`."""
    if not change.is_share:
        value, low, high = machine_speed.ratio(change.contrast)
        return f"{value:.2f} times ({low:.2f} to {high:.2f})"
    seen = change.contrast
    value, low, high = (100 * number for number in (seen.value, seen.low, seen.high))
    return f"{value:+.1f} points ({low:+.1f} to {high:+.1f}, n={seen.n})"


def _explanation(
    result: ModelResult, before: ModelResult, now: Evidence | None, then: Evidence | None
) -> str:
    """What else differs between the two runs; it is said, too, when nothing does."""
    said = _differences(result, before, now, then)
    more = len(said) - _MOST_DIFFERENCES
    if more > 1:
        said[_MOST_DIFFERENCES:] = [f"{more} more differences"]
    return ", ".join(said) or "nothing else that is recorded differs"


def _differences(
    result: ModelResult, before: ModelResult, now: Evidence | None, then: Evidence | None
) -> list[str]:
    """The likeliest first to explain a change."""
    pairs = [("quantization", before.quantization, result.quantization)]
    known: list[str] = []
    if now and then and now.fingerprint and then.fingerprint:
        known = fingerprint.explanations(then.fingerprint, now.fingerprint)
    else:
        pairs += [
            ("engine version", before.engine_version, result.engine_version),
            ("operating system", before.machine.os, result.machine.os),
        ]
    differing = [
        f"{name} {earlier or 'none'} then, {later or 'none'} now"
        for name, earlier, later in pairs
        if earlier != later
    ]
    return [*differing, *known]


def _notes(result: ModelResult, before: ModelResult, now: Evidence, then: Evidence) -> list[str]:
    """Other differences, as the runs recorded them."""
    notes = _differences(result, before, now, then)
    if before.status != result.status:
        notes.append(f"status {before.status} then, {result.status} now")
    for which, run in (("this", result), ("the earlier", before)):
        if run.contaminated:
            notes.append(f"timings not compared; of {which} run: {disturbance_of(run)}")
    return notes


def _machine(contrast: Contrast | str) -> str:
    """Whether the machine itself became slower or faster between the runs, by the anchor."""
    if isinstance(contrast, str):
        return f"the machine's own speed was not compared: {contrast}"
    took = f"the same work took it {machine_speed.words(contrast)}"
    ratio, _, _ = machine_speed.ratio(contrast)
    if contrast.p >= SURE or 1 / (1 + LEAST_CHANGE) < ratio < 1 + LEAST_CHANGE:
        return f"the machine's own speed: no change seen, {took}"
    became = "slower" if ratio > 1 else "faster"
    return f"the machine itself was {became} than then: {took}; only times that differ by more have changed"


def _said(measured: Measured) -> str:
    return measured.missing if isinstance(measured, Missing) else phrase(measured)
