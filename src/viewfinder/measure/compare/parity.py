"""Do two engines answer the same with one model's weights? Pure; from stored samples, for the guide.

A port that is silently wrong (another chat template, another scaling of the image) answers, and often
answers well: only the comparison with another engine shows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from viewfinder.measure.figures import Gate
from viewfinder.measure.results import ModelResult
from viewfinder.measure.statistics.intervals import wilson
from viewfinder.measure.store.rows import Sample

_COMPARED = ("vision", "text")
"""Scenarios whose questions do not depend on earlier answers."""


@dataclass(frozen=True, slots=True)
class Parity:
    """Two results of one model by different variants: on `same` of `asked` questions, word for word the same
    answer."""

    one: ModelResult
    other: ModelResult
    same: int
    asked: int

    @property
    def gate(self) -> Gate:
        """The same counts as a gate, which the guide can print; passed when the variants surely agree on
        most."""
        low, _ = wilson(self.same, self.asked)
        return Gate(
            passed=low > 0.9,
            right=self.same,
            asked=self.asked,
            rule="the same words, except for case and spaces",
        )


def compare(
    one: ModelResult, its: Sequence[Sample], other: ModelResult, others: Sequence[Sample]
) -> Parity | None:
    """Their answers to the questions that both were asked; None when there are none."""
    mine, theirs = _answers(its), _answers(others)
    shared = mine.keys() & theirs.keys()
    if not shared:
        return None
    return Parity(one, other, sum(mine[key] == theirs[key] for key in shared), len(shared))


def _answers(samples: Sequence[Sample]) -> dict[tuple[str, str], str]:
    return {
        (sample.question, sample.scene): " ".join(sample.exchange.text.lower().split())
        for sample in samples
        if sample.scenario in _COMPARED
    }
