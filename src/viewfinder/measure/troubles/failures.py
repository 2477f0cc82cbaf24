"""Errors and empty answers among samples, by their codes, and whether the server recovered; pure, called by
the measures `stability` and `soak`."""

from collections.abc import Sequence
from typing import Literal

from viewfinder.client.exchange import Exchange
from viewfinder.core.errors import EngineDied, EngineStalled
from viewfinder.measure.metrics import answered
from viewfinder.measure.statistics.intervals import at_most
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.troubles.trouble import Code, Rate, Step, Trouble

Recovery = Literal["transient", "needs reload", "lasting"]
"""After an error, such requests (with an image, or without) are answered again by the same process, only by a
fresh one, or never. (Each request has a connection of its own, so there is no session that could be renewed
between the first two.)"""
_FEWEST_LATER = 5
"""Requests that must fail in a row before a process counts as no longer answering: an engine that fails at
every fourth request would otherwise be accused because of the last ones of a process."""
_CODES = {EngineDied.code: Code.DIED, EngineStalled.code: Code.HUNG, "timeout": Code.HUNG}
_WORST: tuple[Recovery, ...] = ("transient", "needs reload", "lasting")


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
    return [
        Trouble(
            code=code,
            rate=rate(len(ones), len(samples)),
            expected=ones[0].expected,
            said=ones[0].exchange.error or ones[0].exchange.text,
            steps=(step_of(ones[0]),),
        )
        for code, ones in kinds.items()
    ]


def step_of(sample: Sample) -> Step:
    return Step(scene=sample.scene, question=sample.question)


def recovery(processes: Sequence[Sequence[Sample]]) -> Recovery | None:
    """The worst case of all errors: whether such requests were answered by the same process later, only by
    another one, or not any more. None without errors, or if no process ever answered such a request."""
    found = (
        _recovery(number, place, processes)
        for number, process in enumerate(processes)
        for place, sample in enumerate(process)
        if sample.exchange.error
    )
    return max(filter(None, found), key=_WORST.index, default=None)


def _recovery(number: int, place: int, processes: Sequence[Sequence[Sample]]) -> Recovery | None:
    """None: too few such requests followed the error, or none was ever answered."""
    with_image = bool(processes[number][place].scene)
    alike = [
        [answered(sample.exchange) for sample in process if bool(sample.scene) == with_image]
        for process in processes
    ]
    before = sum(bool(sample.scene) == with_image for sample in processes[number][:place])
    earlier, later = alike[number][:before], alike[number][before + 1 :]
    if any(later):
        return "transient"
    if len(later) < _FEWEST_LATER and code_of(processes[number][place].exchange) is not Code.DIED:
        return None
    if any(map(any, alike[:number] + alike[number + 1 :])):
        return "needs reload"
    return "lasting" if any(earlier) else None
