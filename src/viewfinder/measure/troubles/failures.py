"""Errors and empty answers of a stage's exchanges, by their codes, and what became of them; pure, called by
`steadiness` and the soak stage."""

from collections.abc import Sequence
from typing import Literal

from viewfinder.client.exchange import Exchange
from viewfinder.core.errors import EngineDied, EngineStalled
from viewfinder.measure.metrics import answered
from viewfinder.measure.statistics.rare import at_most
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.troubles.trouble import Code, Rate, Step, Trouble

Recovery = Literal["transient", "needs reload", "lasting"]
"""After a hard error such requests (with an image, or without) are answered by the same process later on,
only by a fresh one, or never again. (Each request has a connection of its own, so there is no session between
the first two that could be renewed.)"""
SAID_CHARACTERS = 200
FEWEST_LATER = 5
"""Requests that fail in a row before a process is said to have stopped answering: an engine that fails at
every fourth request would otherwise be accused by the last ones of a process."""
_CODES = {EngineDied.code: Code.DIED, EngineStalled.code: Code.HUNG, "timeout": Code.HUNG}
_WORST: tuple[Recovery, ...] = ("transient", "needs reload", "lasting")


def rate(events: int, asked: int) -> Rate:
    return Rate(events=events, asked=asked, at_most=at_most(events, asked))


def code_of(exchange: Exchange) -> Code | None:
    """Why it is no answer; None: it is one."""
    if exchange.error:
        return _CODES.get(exchange.error.partition(":")[0], Code.REFUSED)
    return None if answered(exchange) else Code.EMPTY


def failures(asked: Sequence[Sample]) -> list[Trouble]:
    """Each kind of failure among these requests, with its first one."""
    kinds: dict[Code, list[Sample]] = {}
    for one in asked:
        if code := code_of(one.exchange):
            kinds.setdefault(code, []).append(one)
    return [
        Trouble(
            code=code,
            rate=rate(len(ones), len(asked)),
            expected=ones[0].expected,
            said=(ones[0].exchange.error or ones[0].exchange.text)[:SAID_CHARACTERS],
            steps=(step_of(ones[0]),),
        )
        for code, ones in kinds.items()
    ]


def step_of(asked: Sample) -> Step:
    return Step(scene=asked.scene, question=asked.question)


def recovery(processes: Sequence[Sequence[Sample]]) -> Recovery | None:
    """The worst that came of an error: its process answered such requests later on, only another one did, or
    none did any more. What was never answered by any process has nothing to recover from."""
    found = (
        _recovery(number, place, processes)
        for number, process in enumerate(processes)
        for place, asked in enumerate(process)
        if asked.exchange.error
    )
    return max(filter(None, found), key=_WORST.index, default=None)


def _recovery(number: int, place: int, processes: Sequence[Sequence[Sample]]) -> Recovery | None:
    """None: too few such requests came after it, or none was ever answered."""
    with_image = bool(processes[number][place].scene)
    alike = [
        [bool(answered(asked.exchange)) for asked in process if bool(asked.scene) == with_image]
        for process in processes
    ]
    before = sum(bool(asked.scene) == with_image for asked in processes[number][:place])
    earlier, later = alike[number][:before], alike[number][before + 1 :]
    if any(later):
        return "transient"
    if len(later) < FEWEST_LATER and code_of(processes[number][place].exchange) is not Code.DIED:
        return None
    if any(map(any, alike[:number] + alike[number + 1 :])):
        return "needs reload"
    return "lasting" if any(earlier) else None
