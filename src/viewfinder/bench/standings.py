"""Rankings of what was measured, from stored exchanges; pure, called by `api` for the guide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from viewfinder.bench.metrics import answered
from viewfinder.bench.statistics import restarts
from viewfinder.bench.statistics.intervals import TooFew
from viewfinder.bench.statistics.ranking import Place, rank_by_answers, rank_by_blocks, rank_by_times
from viewfinder.bench.storage.rows import Asked


@dataclass(frozen=True, slots=True)
class Standing:
    """Models by one figure, the best first; `samples` is what there would have to be more of."""

    what: str
    margin: str
    samples: str
    is_time: bool
    places: tuple[Place, ...]


def by_answers(asked: Mapping[str, Sequence[Asked]]) -> Standing | None:
    """Models by their right answers to image questions; None below two models.

    An error or a silence is an answer that is not right.
    """
    return _by_answers(asked, "vision", "right image answers")


def by_own_questions(asked: Mapping[str, Sequence[Asked]]) -> Standing | None:
    """Likewise by the user's own questions, those that are wholly right by VQA v2's accuracy."""
    return _by_answers(asked, "vqa", "right answers to your own questions")


def _by_answers(asked: Mapping[str, Sequence[Asked]], scenario: str, what: str) -> Standing | None:
    answers = {
        model: {
            (one.scene, f"{one.question} {one.expected}"): bool(one.right) and answered(one.exchange)
            for one in some
            if one.scenario == scenario
        }
        for model, some in asked.items()
    }
    answers = {model: some for model, some in answers.items() if some}
    if len(answers) < 2:
        return None
    try:
        places = rank_by_answers(answers)
    except TooFew:
        return None
    return Standing(what, "2 points", "questions", False, tuple(places))


def by_times(asked: Mapping[str, Sequence[Asked]]) -> Standing | None:
    """Models by the typical wall time of their timed image requests, one a restart; None below two models.

    Models of one run took turns, and are compared block by block; those of several runs are not.
    """
    blocks = {model: found for model, some in asked.items() if len(found := _blocks(some)) > 1}
    if len(blocks) < 2:
        return None
    together = len({one.run for model in blocks for one in asked[model]}) == 1
    if together and all(
        len(one.keys() & other.keys()) > 1 for one, other in combinations(blocks.values(), 2)
    ):
        places = rank_by_blocks(blocks)
    else:
        times = {model: list(found.values()) for model, found in blocks.items()}
        places = rank_by_times(times, side_by_side=False)
    return Standing("time of an image request", "5 %", "restarts", True, tuple(places))


def _blocks(asked: Sequence[Asked]) -> dict[int, float]:
    """The typical time of each restart."""
    times: dict[int, list[float]] = {}
    for one in asked:
        if one.scenario == "images" and answered(one.exchange):
            times.setdefault(one.process, []).append(one.exchange.e2e_s)
    return {process: restarts.of_restart(some) for process, some in times.items()}
