"""Answers that are about another picture than the one shown: found and told from others; pure, called by
`steadiness`.

An answer is sound when it is right, or the same that fresh processes give to this picture: what a model
cannot see does not count against its memory. One that is not sound is laid to the picture before, the first
one, or another that was under way, when it is what would be said of that; else it is nobody's. By chance an
unsound answer names another picture, too: eight colors are few. So where several are unsound, a cause is
named only for more of them than chance gives to it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from viewfinder.measure.measures.stability.result import Agreement
from viewfinder.measure.metrics import answered
from viewfinder.measure.statistics.rare import is_chance
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.troubles.pictures import WALKED, are_same
from viewfinder.measure.troubles.trouble import Code


@dataclass(frozen=True, slots=True)
class Shown:
    """An answered request of a process: the picture before it, the process's first one, and, where several
    were under way at once, the others."""

    asked: Sample
    before: Sample | None = None
    first: Sample | None = None
    beside: tuple[Sample, ...] = ()


@dataclass(frozen=True, slots=True)
class References:
    """What fresh processes say of each picture, where they agree; else what is right."""

    answers: Mapping[str, str]
    agreement: Agreement

    def of(self, asked: Sample) -> str:
        return self.answers.get(asked.scene, asked.expected)

    def is_sound(self, asked: Sample) -> bool:
        return bool(asked.right) or are_same(self.of(asked), asked.exchange.text)

    def is_about(self, other: Sample | None, shown: Shown) -> bool:
        """Whether what was said of one picture is what would be said of the other."""
        text = shown.asked.exchange.text
        return other is not None and (are_same(self.of(other), text) or are_same(other.expected, text))

    def tells(self, shown: Shown) -> bool:
        """Whether a mix-up with any of these others would be seen."""
        others = (shown.before, shown.first, *shown.beside)
        return any(other and not are_same(self.of(other), self.of(shown.asked)) for other in others)


def references(processes: Sequence[Sequence[Sample]]) -> References:
    """From what each fresh process answered to each picture."""
    said: dict[str, list[str]] = {}
    for process in processes:
        for asked in process:
            if answered(asked.exchange):
                said.setdefault(asked.scene, []).append(asked.exchange.text)
    compared = {scene: texts for scene, texts in said.items() if len(texts) > 1}
    agreed = {
        scene: texts[0]
        for scene, texts in compared.items()
        if all(are_same(texts[0], one) for one in texts[1:])
    }
    return References(agreed, Agreement(same=len(agreed), asked=len(compared), processes=len(processes)))


def in_a_row(process: Sequence[Sample], is_of_interest: Callable[[Sample], bool]) -> list[Shown]:
    """The answered requests of interest of a process that was asked one after the other."""
    found: list[Shown] = []
    before: Sample | None = None
    first = next((asked for asked in process if asked.scene), None)
    for asked in process:
        if is_of_interest(asked) and answered(asked.exchange):
            found.append(Shown(asked, before, first))
        before = asked if asked.scene else before
    return found


def at_once(process: Iterable[Sample]) -> list[Shown]:
    """The answered requests, each with those that were under way with it."""
    all_asked = list(process)
    return [
        Shown(asked, beside=tuple(other for other in all_asked if _overlap(asked, other)))
        for asked in all_asked
        if answered(asked.exchange)
    ]


def causes(shown: Sequence[Shown], fresh: References) -> dict[Code, list[Shown]]:
    """The unsound answers, by what they are laid to."""
    unsound = [one for one in shown if not fresh.is_sound(one.asked)]
    found: dict[Code, list[Shown]] = {code: [] for code in _OTHERS}
    either: list[Shown] = []
    nobodys: list[Shown] = []
    for one in unsound:
        codes = [code for code, others in _OTHERS.items() if _is_about_any(others(one), one, fresh)]
        (found[codes[0]] if len(codes) == 1 else either if codes else nobodys).append(one)
    # The picture before may be the first one: then it is laid to what explains most of the others.
    likeliest = max(_OTHERS, key=lambda code: len(found[code]))
    found[likeliest] += either
    for code, ones in found.items():
        beside = max((len(one.beside) for one in ones), default=0)
        share = max(1, beside) / (WALKED - 1)
        # A lone answer that is the previous picture's is not explained away: nothing else went wrong.
        is_alone = len(ones) == len(unsound) and not beside
        if not is_alone and is_chance(len(ones), len(unsound), min(share, 1.0)):
            nobodys += ones
            found[code] = []
    return {code: ones for code, ones in (found | {Code.CANARY_DRIFT: nobodys}).items() if ones}


_OTHERS: Mapping[Code, Callable[[Shown], Sequence[Sample | None]]] = {
    Code.PREV_IMAGE: lambda one: [one.before],
    Code.FROZEN_IMAGE: lambda one: [one.first],
    Code.CROSS_REQUEST: lambda one: one.beside,
}
"""Which requests another's answer may come from."""


def _is_about_any(others: Sequence[Sample | None], one: Shown, fresh: References) -> bool:
    return any(fresh.is_about(other, one) for other in others)


def _overlap(one: Sample, other: Sample) -> bool:
    return (
        one is not other
        and one.exchange.started_s < other.exchange.finished_s
        and other.exchange.started_s < one.exchange.finished_s
    )
