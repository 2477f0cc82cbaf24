"""The models' ranks by one figure, ties included, and rankings in words; called by `advice` and the template
of the guide.

Rank 1 has the model with the best figure and every model that is not surely worse (see
`measure/statistics/ranking`; without the samples, every model whose interval overlaps the best one's); the
next rank begins with the best of the rest.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from viewfinder.measure.compare.evidence import Evidence
from viewfinder.measure.compare.standings import Standing, by_answers, by_times
from viewfinder.measure.figures import Figure
from viewfinder.measure.results import ModelResult
from viewfinder.measure.statistics.contrasts import Contrast
from viewfinder.measure.statistics.ranking import Ranking, explain
from viewfinder.report.facts import RunModel, key, label
from viewfinder.report.figures import apart

Known = Mapping[RunModel, Evidence]
_Measured = Sequence[tuple[ModelResult, Figure]]


@dataclass(frozen=True, slots=True)
class Ranked:
    """`said` describes its difference from the rank's leader; empty for the leader."""

    result: ModelResult
    figure: Figure
    rank: int
    said: str = ""


def ranked(results: Sequence[ModelResult], name: str, evidence: Known | None = None) -> list[Ranked]:
    """The results that have the figure of this name, a share of right answers or else a time or size, best
    first; those not surely worse than a rank's leader share its rank. A share of 0 % has none."""
    measured = ((result, result.figures[name]) for result in results)
    waiting = [
        (result, figure)
        for result, figure in measured
        if isinstance(figure, Figure) and (figure.value or figure.unit != "%")
    ]
    waiting.sort(key=lambda entry: entry[1].value, reverse=_are_shares(waiting))
    placed: list[Ranked] = []
    while waiting:
        rank = len(placed) + 1
        said = _tested(waiting, name, evidence or {}) or _overlapping(waiting)
        placed += [
            Ranked(one, figure, rank, said[label(one)]) for one, figure in waiting if label(one) in said
        ]
        waiting = [entry for entry in waiting if label(entry[0]) not in said]
    return placed


def lines(standing: Standing) -> list[tuple[str, str]]:
    """Model and verdict, the best first; the difference from the best with its 95 % interval."""
    return [(place.model, _verdict(standing, place)) for place in standing.places]


def _are_shares(measured: _Measured) -> bool:
    return any(figure.unit == "%" for _, figure in measured)


def _tested(waiting: _Measured, name: str, evidence: Known) -> dict[str, str]:
    """The labels of the best, each with the test's result in words; empty if not all have evidence to
    test."""
    of = {label(result): evidence[key(result)] for result, _ in waiting if key(result) in evidence}
    standing = (by_answers if _are_shares(waiting) else by_times)(of, name)
    if standing is None or len(standing.places) < len(waiting):
        return {}
    return {
        place.model: "" if place.verdict == "best" else explain(place, standing.samples)
        for place in standing.places
        if place.is_among_the_best
    }


def _overlapping(waiting: _Measured) -> dict[str, str]:
    """The labels of those whose intervals overlap the first one's."""
    (_, leader), *_ = waiting
    return {label(result): "" for result, figure in waiting if not apart(leader, figure)}


def _verdict(standing: Standing, place: Ranking) -> str:
    said = explain(place, standing.samples)
    if place.contrast is None:
        return said
    return f"{said} ({_difference(place.contrast, is_time=standing.is_time)})"


def _difference(contrast: Contrast, *, is_time: bool) -> str:
    """The contrast is the best minus this one; it is printed the other way round, as people compare with the
    best."""
    if is_time:
        value, low, high = (math.exp(-number) for number in (contrast.value, contrast.high, contrast.low))
        return f"{value:.2f} times the best one's, {low:.2f} to {high:.2f}"
    value, low, high = (100 * number for number in (contrast.value, contrast.low, contrast.high))
    return f"{value:.1f} points below the best, {low:.1f} to {high:.1f}, n={contrast.n}"
