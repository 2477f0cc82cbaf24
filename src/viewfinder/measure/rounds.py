"""What a run with a budget measures after the plan of its suite; pure, called by `runner`.

Each round asks more questions of the best model by answers and of those not yet separated from it, and times
one more process of the fastest and of those not yet separated from it; until all are, or the time is spent.

To test again and again, and to stop when a difference shows, finds differences where there are none: in 15 %
of 300 simulated runs of two equal models with 20 rounds. So a difference ends the rounds only when p is below
0.001 (Peto et al., Br. J. Cancer 34 (1976) 585), while the guide judges once, at the end, at 5 %: in 3 % of
these runs it then found a difference.
"""

import math
import random
from collections.abc import Mapping

from viewfinder.measure.compare.evidence import Evidence
from viewfinder.measure.compare.standings import Standing, by_answers, by_times
from viewfinder.measure.measures.gates import MEASURE as GATES
from viewfinder.measure.plan import PlannedProcess
from viewfinder.measure.statistics.ranking import MARGIN_RATIO, MARGIN_SHARE, Ranking

FIRST_NUMBER = 10_000
"""The processes of rounds are numbered from here, far beyond those of any plan."""
_P_SETTLED = 0.001
_REACH = 3.29
"""The number of standard errors to either side of the truth that is exceeded with that probability."""


def next_round(
    round_number: int, first: int, known: Mapping[str, Evidence], seed: int
) -> list[PlannedProcess]:
    """The processes of a round (rounds count from 1), numbered from `first`; none: everything is settled.

    Deterministic: an interrupted run has the same rounds again if it is given the same samples, without those
    of this round and of later ones.
    """
    rng = random.Random(f"{seed}/{round_number}")
    by_question = _open(by_answers(known), MARGIN_SHARE)
    by_process = _open(by_times(known), MARGIN_RATIO)
    more_questions = [
        PlannedProcess(first, model, GATES.name, nth=round_number)
        for model in rng.sample(by_question, len(by_question))
    ]
    return more_questions + [
        PlannedProcess(first + 1, model) for model in rng.sample(by_process, len(by_process))
    ]


def _open(standing: Standing | None, margin: float) -> list[str]:
    """The best model and those not yet separated from it; empty when all others are."""
    if standing is None:
        return []
    open_places = [place.model for place in standing.places if not _is_settled(place, margin)]
    return [standing.places[0].model, *open_places] if open_places else []


def _is_settled(place: Ranking, margin: float) -> bool:
    contrast = place.contrast
    if contrast is None or place.p < _P_SETTLED:
        return True
    return abs(contrast.value) + _REACH * contrast.spread / math.sqrt(contrast.n) < margin
