"""Rankings of models from stored evidence; pure, called by `api` for the guide, by `rounds` and by the
report."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

from viewfinder.measure.compare.evidence import Evidence, readers
from viewfinder.measure.measures.base import ProcessValues
from viewfinder.measure.measures.gates.find import IMAGE_ANSWERS
from viewfinder.measure.measures.latency.find import INFERENCE
from viewfinder.measure.statistics.intervals import TooFew
from viewfinder.measure.statistics.ranking import Ranking, rank_by_answers, rank_by_times


@dataclass(frozen=True, slots=True)
class Standing:
    """Models by one figure, the best first; `samples` says of what more would be needed to separate them."""

    what: str
    margin: str
    samples: str
    is_time: bool
    places: tuple[Ranking, ...]


def by_answers(evidence: Mapping[str, Evidence], figure: str = IMAGE_ANSWERS) -> Standing | None:
    """Models by their right answers to the questions that all of them were asked; None below two models, or
    when none gave a right answer."""
    answers = {model: some for model, one in evidence.items() if (some := one.answers(figure))}
    if len(answers) < 2 or not any(any(some.values()) for some in answers.values()):
        return None
    try:
        places = rank_by_answers(answers)
    except TooFew:
        return None
    return Standing(figure, "2 points", "questions", False, tuple(places))


def by_times(evidence: Mapping[str, Evidence], figure: str = INFERENCE) -> Standing | None:
    """Models by a typical time or size over processes, the least first; None below two models.

    Models of one run took turns, and are compared process by process; those of several runs are not. A speed
    is ranked by the time of one unit.
    """
    reader = readers()[figure]
    values = {model: found for model, one in evidence.items() if len(found := one.values(figure)) > 1}
    if len(values) < 2:
        return None
    power = -1 if isinstance(reader, ProcessValues) and reader.higher_is_better else 1
    times = {
        model: {number: some[number] ** power for number in sorted(some)} for model, some in values.items()
    }
    is_one_run = len({sample.run for model in values for sample in evidence[model].samples}) == 1
    turns = all(len(one.keys() & other.keys()) > 1 for one, other in combinations(times.values(), 2))
    places = rank_by_times(times, side_by_side=is_one_run and turns)
    what = "time of an image request" if figure == INFERENCE else figure
    return Standing(what, "5 %", "processes", True, tuple(places))
