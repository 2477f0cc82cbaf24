"""What changed since the previous run; called by `guide`.

Only a difference whose intervals do not overlap is called a change, and only between runs of the same
variant and suite on the same machine. Timings of a disturbed run are compared with nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from viewfinder.bench.results.figures import Figure, Measured
from viewfinder.bench.results.model import ModelResult
from viewfinder.guide.context import kept
from viewfinder.guide.facts import (
    average,
    disturbance_of,
    failure_of,
    label,
    load_time,
    memory,
    same_machine,
)
from viewfinder.guide.figures import apart, in_unit, phrase, rate

Reading = tuple[str, bool, Measured]
"""Name, whether lower is better, and figure."""


@dataclass(frozen=True, slots=True)
class Change:
    """One figure that differs beyond its intervals; `better` by this figure alone."""

    figure: str
    before: str
    now: str
    better: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """One result against its previous one; `not_compared` says why nothing was set side by side."""

    label: str
    not_compared: str = ""
    before_run: str = ""
    compared: int = 0
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()


def compare(results: Sequence[ModelResult], previous: Sequence[ModelResult]) -> list[Comparison]:
    """Each result against the newest of `previous` that has the same model and variant."""
    return [_compare(result, _before(result, previous)) for result in results]


def _before(result: ModelResult, previous: Sequence[ModelResult]) -> ModelResult | None:
    same = (
        before
        for before in previous
        if (before.model, before.variant) == (result.model, result.variant) and before.run != result.run
    )
    return max(same, key=lambda before: before.measured_at, default=None)


def _compare(result: ModelResult, before: ModelResult | None) -> Comparison:
    if before is None:
        return Comparison(label(result), not_compared="no previous run of it is stored")
    if why := _incomparable(result, before):
        return Comparison(label(result), not_compared=why)
    now, then = _answers_and_memory(result), _answers_and_memory(before)
    if not (result.contaminated or before.contaminated):
        now, then = now + _timings(result), then + _timings(before)
    pairs = [
        (name, lower_is_better, old, new)
        for (name, lower_is_better, new), (_, _, old) in zip(now, then, strict=True)
        if isinstance(new, Figure) and isinstance(old, Figure) and new.unit == old.unit
    ]
    return Comparison(
        label(result),
        before_run=f"{before.run} of {before.measured_at}",
        compared=len(pairs),
        changes=tuple(
            Change(name, phrase(old), phrase(new), better=(new.value < old.value) == lower_is_better)
            for name, lower_is_better, old, new in pairs
            if apart(new, old)
        ),
        notes=_notes(result, before),
    )


def _incomparable(result: ModelResult, before: ModelResult) -> str:
    if not same_machine(result, before):
        return "the previous run was on another machine"
    if result.suite != before.suite:
        return f"the previous run was of the suite {before.suite}, this one of {result.suite}"
    if failure := failure_of(result):
        return f"in this run {failure}"
    if failure := failure_of(before):
        return f"in the previous run {failure}"
    return ""


def _notes(result: ModelResult, before: ModelResult) -> tuple[str, ...]:
    """What else was different, stated as the runs recorded it."""
    pairs = (
        ("engine version", before.engine_version, result.engine_version),
        ("quantization", before.quantization, result.quantization),
        ("operating system", before.machine.os, result.machine.os),
        ("status", before.status, result.status),
    )
    notes = [f"{name}: {then} then, {now} now" for name, then, now in pairs if then != now]
    for which, run in (("this", result), ("the previous", before)):
        if run.contaminated:
            notes.append(f"timings not compared; of {which} run: {disturbance_of(run)}")
    return tuple(notes)


def _answers_and_memory(result: ModelResult) -> list[Reading]:
    return [
        ("right image answers", False, rate(result.vision)),
        ("right text answers", False, rate(result.text)),
        ("right follow-up answers", False, rate(result.follow_up)),
        ("facts kept in dialogues", False, kept(result)),
        ("memory difference", True, memory(result)),
    ]


def _timings(result: ModelResult) -> list[Reading]:
    return [
        ("average inference", True, average(result)),
        ("median inference", True, in_unit(result.median_inference, "s")),
        ("load time", True, load_time(result)),
        ("time to first token, image", True, in_unit(result.ttft_image, "ms")),
        ("time to first token, text", True, in_unit(result.ttft_text, "ms")),
        ("decode speed", False, result.decode_rate),
    ]
