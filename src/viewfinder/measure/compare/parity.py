"""Do two engines say the same with one model's weights? Pure; from stored exchanges, for the guide.

A port that is silently wrong (another chat template, another scaling of the image) answers, and often
answers well: only the comparison with another engine shows it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from viewfinder.measure.figures import Gate
from viewfinder.measure.results import ModelResult
from viewfinder.measure.statistics.intervals import wilson
from viewfinder.measure.store.rows import Sample

COMPARED = ("vision", "text")
"""Scenarios whose questions do not depend on earlier answers."""


@dataclass(frozen=True, slots=True)
class Parity:
    """Two results of one model by different variants: word for word the same on `same` of `asked`."""

    one: ModelResult
    other: ModelResult
    same: int
    asked: int

    @property
    def gate(self) -> Gate:
        """The same counts, as the guide prints counts; passed when the variants surely agree on most."""
        low, _ = wilson(self.same, self.asked)
        return Gate(
            passed=low > 0.9,
            right=self.same,
            asked=self.asked,
            rule="the same words, but for case and spaces",
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


def _answers(exchanges: Sequence[Sample]) -> dict[tuple[str, str], str]:
    return {
        (asked.question, asked.scene): " ".join(asked.exchange.text.lower().split())
        for asked in exchanges
        if asked.scenario in COMPARED
    }
