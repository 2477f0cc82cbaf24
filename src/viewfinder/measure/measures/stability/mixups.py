"""Answers about another picture than the one in the request: found, and separated from other wrong answers;
pure, called by `find`.

An answer is sound if it is right, or the same that fresh processes give to this picture: poor eyesight is not
a mix-up. An unsound answer is attributed to the picture before, to the process's first one, or to another
under way at the same time, if it would be an answer about that picture; else it has no cause. An unsound
answer may also match another picture by chance: there are only eight colors. So if several answers are
unsound, a cause is named only if it explains more of them than chance would.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from viewfinder.measure.measures.stability.result import Agreement
from viewfinder.measure.metrics import answered
from viewfinder.measure.statistics.intervals import is_chance
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.troubles.pictures import WALKED, are_same
from viewfinder.measure.troubles.trouble import Code


@dataclass(frozen=True, slots=True)
class Shown:
    """An answered request of a process, with the request before it, the process's first one, and, if several
    were under way at once, the others."""

    sample: Sample
    before: Sample | None = None
    first: Sample | None = None
    beside: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class References:
    """The answers of fresh processes to each picture, where they agree; else the right answers."""

    answers: Mapping[str, str]
    agreement: Agreement

    def of(self, sample: Sample) -> str:
        return self.answers.get(sample.scene, sample.expected)

    def is_sound(self, sample: Sample) -> bool:
        return bool(sample.right) or are_same(self.of(sample), sample.exchange.text)

    def is_about(self, other: Sample | None, shown: Shown) -> bool:
        """Whether the answer to one picture fits the other picture."""
        text = shown.sample.exchange.text
        return other is not None and (are_same(self.of(other), text) or are_same(other.expected, text))

    def can_show(self, shown: Shown) -> bool:
        """Whether a mix-up with any of the other pictures would show in the answer."""
        others = (shown.before, shown.first, *shown.beside)
        return any(other and not are_same(self.of(other), self.of(shown.sample)) for other in others)


def references(processes: Sequence[Sequence[Sample]]) -> References:
    """The references, from the answers of each fresh process to each picture."""
    said: dict[str, list[str]] = {}
    for process in processes:
        for sample in process:
            if answered(sample.exchange):
                said.setdefault(sample.scene, []).append(sample.exchange.text)
    compared = {scene: texts for scene, texts in said.items() if len(texts) > 1}
    agreed = {
        scene: texts[0]
        for scene, texts in compared.items()
        if all(are_same(texts[0], one) for one in texts[1:])
    }
    return References(agreed, Agreement(same=len(agreed), asked=len(compared), processes=len(processes)))


def in_a_row(process: Sequence[Sample], is_of_interest: Callable[[Sample], bool]) -> list[Shown]:
    """The answered requests of interest of a process that got one request after the other."""
    found: list[Shown] = []
    before: Sample | None = None
    first = next((sample for sample in process if sample.scene), None)
    for sample in process:
        if is_of_interest(sample) and answered(sample.exchange):
            found.append(Shown(sample, before, first))
        before = sample if sample.scene else before
    return found


def at_once(process: Iterable[Sample]) -> list[Shown]:
    """The answered requests, each with those that were under way at the same time."""
    samples = list(process)
    return [
        Shown(sample, beside=tuple(other for other in samples if _overlap(sample, other)))
        for sample in samples
        if answered(sample.exchange)
    ]


def causes(shown: Sequence[Shown], fresh: References) -> dict[Code, list[Shown]]:
    """The unsound answers, by their cause; CANARY_DRIFT stands for those without one."""
    unsound = [one for one in shown if not fresh.is_sound(one.sample)]
    found: dict[Code, list[Shown]] = {code: [] for code in _OTHERS}
    either: list[Shown] = []
    unexplained: list[Shown] = []
    for one in unsound:
        codes = [
            code
            for code, others in _OTHERS.items()
            if any(fresh.is_about(other, one) for other in others(one))
        ]
        (found[codes[0]] if len(codes) == 1 else either if codes else unexplained).append(one)
    # The picture before may be the first one: such an answer goes to the cause that explains most others.
    likeliest = max(_OTHERS, key=lambda code: len(found[code]))
    found[likeliest] += either
    for code, ones in found.items():
        beside = max((len(one.beside) for one in ones), default=0)
        share = max(1, beside) / (WALKED - 1)
        # A single unsound answer that fits the picture before is no chance: nothing else went wrong.
        is_alone = len(ones) == len(unsound) and not beside
        if not is_alone and is_chance(len(ones), len(unsound), min(share, 1.0)):
            unexplained += ones
            found[code] = []
    return {code: ones for code, ones in (found | {Code.CANARY_DRIFT: unexplained}).items() if ones}


_OTHERS: Mapping[Code, Callable[[Shown], Sequence[Sample | None]]] = {
    Code.PREV_IMAGE: lambda one: [one.before],
    Code.FROZEN_IMAGE: lambda one: [one.first],
    Code.CROSS_REQUEST: lambda one: one.beside,
}
"""The requests whose answer may have been given instead, by cause."""


def _overlap(one: Sample, other: Sample) -> bool:
    return (
        one is not other
        and one.exchange.started_s < other.exchange.finished_s
        and other.exchange.started_s < one.exchange.finished_s
    )
