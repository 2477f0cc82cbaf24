"""What a stored result rests on, as samples that can be compared: one value a restart, one answer a question.
Taken from the store by `api`; called by `standings`, `revisions` and the guide."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from viewfinder.client.exchange import Exchange
from viewfinder.measure.measures.dialogues.recall import RESENT, Recall
from viewfinder.measure.measures.dialogues.script import TURN_OF
from viewfinder.measure.metrics import answered, is_streamed
from viewfinder.measure.results import ModelResult
from viewfinder.measure.statistics import restarts
from viewfinder.measure.statistics.pairs import Answers
from viewfinder.measure.store.fingerprint import Fingerprint
from viewfinder.measure.store.outcome import Found
from viewfinder.measure.store.rows import ANCHOR, Asked
from viewfinder.measure.store.store import Store

DIALOGUES = "context/"
"""What the names of all exchanges of dialogues begin with."""
OWN_QUESTIONS = "right answers to your own questions"
Samples = Mapping[int, float]
"""One positive value a restart, by its number: models of one run took turns in the restarts of a number."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """The exchanges of one model of one run that count, what its processes left, and on what it was measured.

    `anchor` are the exchanges that timed the machine in that run, with what they were made.
    """

    asked: Sequence[Asked]
    found: Mapping[int, Found] = field(default_factory=dict)
    fingerprint: Fingerprint | None = None
    anchor: Sequence[Asked] = ()
    anchored: Fingerprint | None = None

    def answers(self, figure: str) -> Answers:
        """Of one of ANSWERS: which questions were answered right; an error or a silence is not right."""
        return ANSWERS[figure](self)

    def samples(self, figure: str) -> Samples:
        """Of one of FIGURES; a restart that does not have it is left out."""
        return FIGURES[figure](self)


def evidence_of(store: Store, result: ModelResult) -> Evidence:
    """What the store has of a result."""
    prints = store.fingerprints(result.run)
    return Evidence(
        asked=store.exchanges(result.run, result.model),
        found=store.found(result.run, result.model),
        fingerprint=prints.get(result.model),
        anchor=store.exchanges(result.run, ANCHOR),
        anchored=prints.get(ANCHOR),
    )


def _gate(scenario: str, *, last_only: bool = False) -> Callable[[Evidence], Answers]:
    """Of a gate's questions, or of `last_only` of each conversation, as in the gate.

    A question without an image stands for itself, as one about a scene of its own does.
    """

    def take(evidence: Evidence) -> Answers:
        return {
            (one.scene or one.question, "" if last_only else f"{one.question} {one.expected}"): (
                bool(one.right) and answered(one.exchange)
            )
            for one in evidence.asked
            if one.scenario == scenario
        }

    return take


def _facts_kept(evidence: Evidence) -> Answers:
    """Facts right in a dialogue, of those that this model got right when asked alone."""
    return Recall(one for one in evidence.asked if one.scenario.startswith(DIALOGUES)).kept(RESENT, *TURN_OF)


def _typical(scenario: str, read: Callable[[Exchange], float | None]) -> Callable[[Evidence], Samples]:
    """The typical time of a restart's requests of one scenario."""

    def take(evidence: Evidence) -> Samples:
        times: dict[int, list[float]] = {}
        for one in evidence.asked:
            if one.scenario != scenario or not answered(one.exchange):
                continue
            if (time := read(one.exchange)) is not None and time > 0:
                times.setdefault(one.process, []).append(time)
        return {process: restarts.of_restart(some) for process, some in times.items()}

    return take


def _decode_speed(evidence: Evidence) -> Samples:
    """Tokens after the first over the time after it."""
    seconds: dict[int, float] = {}
    tokens: dict[int, int] = {}
    timed = [one for one in evidence.asked if one.scenario == "images"] or [
        one for one in evidence.asked if one.scenario == "texts"
    ]
    for one in timed:
        exchange = one.exchange
        if answered(exchange) and is_streamed(exchange):
            spent_s = (exchange.last_token_s or 0.0) - (exchange.first_token_s or 0.0)
            seconds[one.process] = seconds.get(one.process, 0.0) + spent_s
            tokens[one.process] = tokens.get(one.process, 0) + exchange.later_tokens
    return {process: tokens[process] / spent_s for process, spent_s in seconds.items() if tokens[process]}


def _load(evidence: Evidence) -> Samples:
    """Seconds to the first correct image answer."""
    return {
        process: found.load.first_correct_s
        for process, found in _counted(evidence).items()
        if found.load is not None and found.load.first_correct_s is not None
    }


def _memory(evidence: Evidence) -> Samples:
    """Bytes, steady minus spawned; a negative difference is none."""
    return {
        process: float(difference)
        for process, found in _counted(evidence).items()
        if {"spawned", "steady"} <= found.memory.keys()
        and (difference := found.memory["steady"].footprint_bytes - found.memory["spawned"].footprint_bytes)
        > 0
    }


def _counted(evidence: Evidence) -> dict[int, Found]:
    """What the processes left that count: those of which an exchange does."""
    counted = {one.process for one in evidence.asked}
    return {process: found for process, found in evidence.found.items() if process in counted}


ANSWERS: Mapping[str, Callable[[Evidence], Answers]] = {
    "right image answers": _gate("vision"),
    "right text answers": _gate("text"),
    "right follow-up answers": _gate("follow-up", last_only=True),
    "facts kept in dialogues": _facts_kept,
    OWN_QUESTIONS: _gate("vqa"),
}
FIGURES: Mapping[str, Callable[[Evidence], Samples]] = {
    "average inference": _typical("images", lambda exchange: exchange.e2e_s),
    "time to first token, image": _typical("images", lambda exchange: exchange.ttft_s),
    "time to first token, text": _typical("texts", lambda exchange: exchange.ttft_s),
    "decode speed": _decode_speed,
    "load time": _load,
    "memory difference": _memory,
}
HIGHER_IS_BETTER = frozenset({"decode speed"})
