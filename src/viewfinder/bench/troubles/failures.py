"""Errors and empty answers of a stage's exchanges, by their codes, and what became of them; pure, called by
`steadiness` and the soak stage."""

from collections.abc import Sequence

from viewfinder.bench.metrics import answered
from viewfinder.bench.results.stability import Recovery
from viewfinder.bench.results.trouble import Code, Rate, Step, Trouble
from viewfinder.bench.statistics.rare import at_most
from viewfinder.bench.storage.rows import Asked
from viewfinder.client.exchange import Exchange
from viewfinder.core.errors import EngineDied, EngineStalled

SAID_CHARACTERS = 200
_CODES = {EngineDied.code: Code.DIED, EngineStalled.code: Code.HUNG, "timeout": Code.HUNG}
_WORST: tuple[Recovery, ...] = ("transient", "needs reload", "lasting")


def rate(events: int, asked: int) -> Rate:
    return Rate(events=events, asked=asked, at_most=at_most(events, asked))


def code_of(exchange: Exchange) -> Code | None:
    """Why it is no answer; None: it is one."""
    if exchange.error:
        return _CODES.get(exchange.error.partition(":")[0], Code.REFUSED)
    return None if answered(exchange) else Code.EMPTY


def failures(asked: Sequence[Asked]) -> list[Trouble]:
    """Each kind of failure among these requests, with its first one."""
    kinds: dict[Code, list[Asked]] = {}
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


def step_of(asked: Asked) -> Step:
    return Step(scene=asked.scene, question=asked.question)


def recovery(processes: Sequence[Sequence[Asked]]) -> Recovery | None:
    """The worst that came of an error: answered later on by the same process, only by another, or by none."""
    found = [
        _recovery(number, place, processes)
        for number, process in enumerate(processes)
        for place, asked in enumerate(process)
        if asked.exchange.error
    ]
    return max(found, key=_WORST.index, default=None)


def _recovery(number: int, place: int, processes: Sequence[Sequence[Asked]]) -> Recovery:
    failed = processes[number][place]

    def is_same(asked: Asked) -> bool:
        return (asked.scene, asked.question) == (failed.scene, failed.question)

    later = [asked for asked in processes[number][place + 1 :] if answered(asked.exchange)]
    if any(map(is_same, later)):
        return "transient"
    others = [
        asked
        for other, process in enumerate(processes)
        for asked in process
        if other != number and answered(asked.exchange)
    ]
    # Fresh processes may never have come to this very request; where this one answered nothing any more, that
    # they answer is enough.
    is_over = not later and bool(others)
    return "needs reload" if is_over or any(map(is_same, others)) else "lasting"
