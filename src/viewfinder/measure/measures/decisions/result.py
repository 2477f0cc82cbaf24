"""How true a model's probabilities are, as it is stored."""

from viewfinder.measure.calibrating.worth import KindOfDecision
from viewfinder.measure.figures import Frozen, Missing


class DecisionsResult(Frozen):
    kinds: tuple[KindOfDecision | Missing, ...]
