"""What a run with a budget measures once every figure has the least that it needs; pure, called by `runner`.

Round by round: more questions for the best model by answers and those not yet separated from it, one more
timed process for the fastest and those not yet separated from it; until all are, or the time is over.

To look again and again and to stop when a difference shows finds differences where there are none: in 300
simulated runs of two equal models with 20 rounds, 15 % of them. So to stop early, a difference counts as
shown only beyond any doubt (p below 0.001; Peto et al., Br. J. Cancer 34 (1976) 585), whereas the guide
judges at the end, and at 5 %: it found one in 3 % of them then.
"""

import math
import random
from collections.abc import Mapping, Sequence

from viewfinder.measure.compare.evidence import Evidence
from viewfinder.measure.compare.standings import Standing, by_answers, by_times
from viewfinder.measure.measures.gates import MEASURE as GATES
from viewfinder.measure.plan import PlannedProcess
from viewfinder.measure.statistics.ranking import MARGIN_RATIO, MARGIN_SHARE, Ranking

FIRST_NUMBER = 10_000
"""The processes of rounds are numbered from here on, far beyond those of any plan."""
BEYOND_DOUBT = 0.001
REACH = 3.29
"""As many standard errors to either side are as unlikely."""


def next_round(
    round_number: int, first: int, known: Mapping[str, Evidence], seed: int
) -> list[PlannedProcess]:
    """The processes of a round (rounds count from 1), numbered from `first`; none: everything is settled.

    Deterministic: an interrupted run comes to the same rounds from the same samples. Those of this round and
    of later ones must not be among them.
    """
    rng = random.Random(f"{seed}/{round_number}")
    by_question = _open(by_answers(known), MARGIN_SHARE)
    by_process = _open(by_times(known), MARGIN_RATIO)
    more_questions = [
        PlannedProcess(first, model, GATES.name, nth=round_number) for model in _shuffled(by_question, rng)
    ]
    return more_questions + [PlannedProcess(first + 1, model) for model in _shuffled(by_process, rng)]


def _open(standing: Standing | None, margin: float) -> list[str]:
    """The best and those whose place beside it is open; empty when there are none of these."""
    if standing is None:
        return []
    open_places = [place.model for place in standing.places if not _is_settled(place, margin)]
    return [standing.places[0].model, *open_places] if open_places else []


def _is_settled(place: Ranking, margin: float) -> bool:
    contrast = place.contrast
    if contrast is None or place.p < BEYOND_DOUBT:
        return True
    return abs(contrast.value) + REACH * contrast.spread / math.sqrt(contrast.n) < margin


def _shuffled(things: Sequence[str], rng: random.Random) -> list[str]:
    return rng.sample(things, len(things))
