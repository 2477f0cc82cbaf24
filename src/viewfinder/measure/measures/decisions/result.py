"""How true a model's probabilities are, as it is stored."""

from viewfinder.measure.figures import Frozen, Measured, Missing
from viewfinder.wire.decisions.wording import DecisionKind


class SureAnswer(Frozen):
    """Above the probability `above` (calibrated) an answer is wrong in at most `most_wrong` of all cases,
    with 95 % confidence; of `asked` questions, `answered` were above it. `says` is yes, no or an answer."""

    says: str
    most_wrong: float
    above: float
    answered: int
    asked: int


class KindOfDecision(Frozen):
    """What was found of one kind of question: the errors before and after calibration are those of questions
    that the curve was not made of. The curve itself is made of all of them."""

    kind: DecisionKind
    asked: int
    undecided: int
    """Questions whose first token told nothing, or that failed."""
    error_raw: Measured
    error_calibrated: Measured
    brier_calibrated: Measured
    sure: tuple[SureAnswer, ...]
    raw: tuple[float, ...] = ()
    calibrated: tuple[float, ...] = ()


class DecisionsResult(Frozen):
    kinds: tuple[KindOfDecision | Missing, ...]
