"""Rankings of what was measured, from stored evidence; pure, called by `api` for the guide, and by
`guide/advice`."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from viewfinder.measure.compare.evidence import HIGHER_IS_BETTER, Evidence
from viewfinder.measure.statistics.intervals import TooFew
from viewfinder.measure.statistics.ranking import Place, rank_by_answers, rank_by_blocks, rank_by_times


@dataclass(frozen=True, slots=True)
class Standing:
    """Models by one figure, the best first; `samples` is what there would have to be more of."""

    what: str
    margin: str
    samples: str
    is_time: bool
    places: tuple[Place, ...]


def by_answers(evidence: Mapping[str, Evidence], figure: str = "right image answers") -> Standing | None:
    """Models by their right answers to the questions of a gate that all were asked; None below two models.

    An error or a silence is an answer that is not right.
    """
    answers = {model: some for model, one in evidence.items() if (some := one.answers(figure))}
    if len(answers) < 2:
        return None
    try:
        places = rank_by_answers(answers)
    except TooFew:
        return None
    return Standing(figure, "2 points", "questions", False, tuple(places))


def by_times(evidence: Mapping[str, Evidence], figure: str = "average inference") -> Standing | None:
    """Models by a typical time or size over restarts, the least first; None below two models.

    Models of one run took turns, and are compared block by block; those of several runs are not. Of a speed,
    the time of one unit is ranked.
    """
    blocks = {model: found for model, one in evidence.items() if len(found := one.samples(figure)) > 1}
    if len(blocks) < 2:
        return None
    power = -1 if figure in HIGHER_IS_BETTER else 1
    times = {model: {block: some[block] ** power for block in sorted(some)} for model, some in blocks.items()}
    together = len({asked.run for model in blocks for asked in evidence[model].asked}) == 1
    if together and all(len(one.keys() & other.keys()) > 1 for one, other in combinations(times.values(), 2)):
        places = rank_by_blocks(times)
    else:
        apart = {model: list(some.values()) for model, some in times.items()}
        places = rank_by_times(apart, side_by_side=False)
    what = {"average inference": "time of an image request"}.get(figure, figure)
    return Standing(what, "5 %", "restarts", True, tuple(places))
