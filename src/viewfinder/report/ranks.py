"""The models' ranks by one figure, ties included; called by `advice`.

Rank 1 has the model with the best figure and every model that is not surely worse (see
`measure/statistics/ranking`; without the samples, every model whose interval overlaps the best one's); the
next rank begins with the best of the rest.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from viewfinder.measure.compare.evidence import Evidence
from viewfinder.measure.compare.standings import by_answers, by_times
from viewfinder.measure.figures import Figure, Measured
from viewfinder.measure.measures.dialogues.find import FACTS_KEPT
from viewfinder.measure.measures.gates.find import FOLLOW_UPS, IMAGE_ANSWERS
from viewfinder.measure.measures.latency.find import INFERENCE
from viewfinder.measure.results import ModelResult
from viewfinder.measure.statistics.ranking import explain
from viewfinder.report.facts import RunModel, key, label
from viewfinder.report.figures import apart

Known = Mapping[RunModel, Evidence]


@dataclass(frozen=True, slots=True)
class Scale:
    """The figure that models are ranked by: a share of right answers, or else a time or size."""

    name: str
    is_share: bool = False

    def reading(self, result: ModelResult) -> Measured:
        return result.facts.figures[self.name]


BY_IMAGE_ANSWERS = Scale(IMAGE_ANSWERS, is_share=True)
BY_FOLLOW_UPS = Scale(FOLLOW_UPS, is_share=True)
BY_FACTS_KEPT = Scale(FACTS_KEPT, is_share=True)
BY_INFERENCE = Scale(INFERENCE)


@dataclass(frozen=True, slots=True)
class Ranked:
    """`said` describes its difference from the rank's leader; empty for the leader."""

    result: ModelResult
    figure: Figure
    rank: int
    said: str = ""


def ranked(results: Sequence[ModelResult], scale: Scale, evidence: Known | None = None) -> list[Ranked]:
    """The results that have the figure, best first; those not surely worse than a rank's leader share its
    rank."""
    measured = ((result, scale.reading(result)) for result in results)
    waiting = [(result, figure) for result, figure in measured if isinstance(figure, Figure)]
    waiting.sort(key=lambda entry: entry[1].value, reverse=scale.is_share)
    placed: list[Ranked] = []
    while waiting:
        rank = len(placed) + 1
        said = _tested(waiting, scale, evidence or {}) or _overlapping(waiting)
        placed += [
            Ranked(one, figure, rank, said[label(one)]) for one, figure in waiting if label(one) in said
        ]
        waiting = [entry for entry in waiting if label(entry[0]) not in said]
    return placed


def _tested(waiting: Sequence[tuple[ModelResult, Figure]], scale: Scale, evidence: Known) -> dict[str, str]:
    """The labels of the best, each with the test's result in words; empty if not all have evidence to
    test."""
    of = {label(result): evidence[key(result)] for result, _ in waiting if key(result) in evidence}
    standing = by_answers(of, scale.name) if scale.is_share else by_times(of, scale.name)
    if standing is None or len(standing.places) < len(waiting):
        return {}
    return {
        place.model: "" if place.verdict == "best" else explain(place, standing.samples)
        for place in standing.places
        if place.is_among_the_best
    }


def _overlapping(waiting: Sequence[tuple[ModelResult, Figure]]) -> dict[str, str]:
    """The labels of those whose intervals overlap the first one's."""
    (_, leader), *_ = waiting
    return {label(result): "" for result, figure in waiting if not apart(leader, figure)}
