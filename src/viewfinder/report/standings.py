"""A ranking in words: the best model, and the verdict on the others; called by the template of the guide."""

import math

from viewfinder.measure.compare.standings import Standing
from viewfinder.measure.statistics.contrasts import Contrast
from viewfinder.measure.statistics.ranking import Ranking, explain


def lines(standing: Standing) -> list[tuple[str, str]]:
    """Model and verdict, the best first; the difference from the best with its 95 % interval."""
    return [(place.model, _verdict(standing, place)) for place in standing.places]


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
