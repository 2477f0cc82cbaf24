"""Who is how good by one figure, and who shares a place; called by `advice`.

Rank 1 are the model with the best figure and every model that is not surely worse (see
`bench/statistics/ranking`; without the exchanges, every model whose interval overlaps that one's); the next
rank begins with the best of the rest.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from viewfinder.measure.compare.evidence import Evidence
from viewfinder.measure.compare.standings import by_answers, by_times
from viewfinder.measure.figures import Figure, Measured
from viewfinder.measure.measures.dialogues.page import kept
from viewfinder.measure.results import ModelResult
from viewfinder.measure.statistics.ranking import explain
from viewfinder.report.facts import Key, average, key, label
from viewfinder.report.figures import apart, rate

Known = Mapping[Key, Evidence]


@dataclass(frozen=True, slots=True)
class Scale:
    """What models are ranked by, named as in `evidence`: a share of right answers, or else a time or size."""

    name: str
    reading: Callable[[ModelResult], Measured]
    is_share: bool = False


IMAGE_ANSWERS = Scale("right image answers", lambda result: rate(result.vision), is_share=True)
FOLLOW_UPS = Scale("right follow-up answers", lambda result: rate(result.follow_up), is_share=True)
FACTS_KEPT = Scale("facts kept in dialogues", kept, is_share=True)
INFERENCE = Scale("average inference", average)


@dataclass(frozen=True, slots=True)
class Ranked:
    """`said` is what is known of its difference from the rank's leader; empty: it is that one."""

    result: ModelResult
    figure: Figure
    rank: int
    said: str = ""


def ranked(results: Sequence[ModelResult], scale: Scale, evidence: Known | None = None) -> list[Ranked]:
    """Best first, who has the figure; who is not surely worse than a rank's leader shares its rank."""
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
    """Who is among the best, and what the test says of it; empty when not all have evidence to test."""
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
    """Who cannot be told from the first by their intervals."""
    (_, leader), *_ = waiting
    return {label(result): "" for result, figure in waiting if not apart(leader, figure)}
