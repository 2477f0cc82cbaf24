"""Errors and empty answers among samples, by their codes, and whether the server recovered; pure, called by
the measures `stability` and `soak`."""

from collections.abc import Sequence
from typing import Literal, get_args

from viewfinder.client.exchange import Exchange
from viewfinder.core.errors import EngineDied, EngineStalled
from viewfinder.measure.metrics import answered
from viewfinder.measure.statistics.intervals import at_most
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.troubles.trouble import Code, HowSent, Rate, Step, Trouble

Recovery = Literal["transient", "needs reload", "lasting"]
"""After an error, such requests (with an image, or without) are answered again by the same process, only by a
fresh one, or never. (Each request has a connection of its own, so there is no session that could be renewed
between the first two.)"""
_FEWEST_LATER = 5
"""Requests that must fail in a row before a process counts as no longer answering: an engine that fails at
every fourth request would otherwise be accused because of the last ones of a process."""
_CODES = {EngineDied.code: Code.DIED, EngineStalled.code: Code.HUNG, "timeout": Code.HUNG}


def rate(events: int, asked: int) -> Rate:
    return Rate(events=events, asked=asked, at_most=at_most(events, asked))


def code_of(exchange: Exchange) -> Code | None:
    """Why this is not an answer; None: it is one."""
    if exchange.error:
        return _CODES.get(exchange.error.partition(":")[0], Code.REFUSED)
    return None if answered(exchange) else Code.EMPTY


def failures(samples: Sequence[Sample]) -> list[Trouble]:
    """Each kind of failure among these samples, with its first occurrence."""
    kinds: dict[Code, list[Sample]] = {}
    for one in samples:
        if code := code_of(one.exchange):
            kinds.setdefault(code, []).append(one)
    return [trouble(code, rate(len(ones), len(samples)), ones[:1]) for code, ones in kinds.items()]


def trouble(code: Code, how_often: Rate, shown: Sequence[Sample], *, expected: str | None = None) -> Trouble:
    """The trouble that these requests show: the last was answered wrong, or had an error. Its right answer is
    `expected`, if that is not the question's own."""
    last = shown[-1]
    return Trouble(
        code=code,
        rate=how_often,
        expected=last.expected if expected is None else expected,
        said=last.exchange.error or last.exchange.text,
        steps=tuple(map(step_of, shown)),
    )


def step_of(sample: Sample, how: HowSent = "asked") -> Step:
    return Step(scene=sample.scene, question=sample.question, how=how)


def recovery(processes: Sequence[Sequence[Sample]]) -> Recovery | None:
    """The worst case of all errors: whether such requests were answered by the same process later, only by
    another one, or not any more. None without errors, or if no process ever answered such a request."""
    found = (
        _recovery(one, process[:place], process[place + 1 :], [*processes[:number], *processes[number + 1 :]])
        for number, process in enumerate(processes)
        for place, one in enumerate(process)
        if one.exchange.error
    )
    return max(filter(None, found), key=get_args(Recovery).index, default=None)


def _recovery(
    failed: Sample, before: Sequence[Sample], after: Sequence[Sample], others: Sequence[Sequence[Sample]]
) -> Recovery | None:
    """None: too few such requests followed the error, or none was ever answered."""

    def alike(samples: Sequence[Sample]) -> list[bool]:
        return [answered(one.exchange) for one in samples if bool(one.scene) == bool(failed.scene)]

    later = alike(after)
    if any(later):
        return "transient"
    if len(later) < _FEWEST_LATER and code_of(failed.exchange) is not Code.DIED:
        return None
    if any(any(alike(process)) for process in others):
        return "needs reload"
    return "lasting" if any(alike(before)) else None
