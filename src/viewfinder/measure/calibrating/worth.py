"""What a calibration is worth, as it is stored and as it is found; pure, called by the measures' `find`."""

from collections.abc import Callable, Iterable

import numpy as np

from viewfinder.measure.calibrating.fit import (
    Graded,
    brier,
    calibration_error,
    calibration_of,
    sure_from,
)
from viewfinder.measure.figures import Figure, Frozen, Measured, Missing
from viewfinder.measure.statistics.intervals import wilson
from viewfinder.wire.decisions.calibration import Curve
from viewfinder.wire.decisions.wording import DecisionKind

LEAST_SAMPLES = 40
"""Half of them judge what the other half made."""
PROMISED = (0.05, 0.1)
_RESAMPLES = 400


class SureAnswer(Frozen):
    """Above the probability `above` (calibrated) an answer is wrong in at most `most_wrong` of all cases,
    with 95 % confidence; of `asked` questions, `answered` were above it, and `wrong` of those. `says` is yes,
    no or an answer. Results of older versions do not have `wrong`."""

    says: str
    most_wrong: float
    above: float
    answered: int
    asked: int
    wrong: int | None = None


class KindOfDecision(Frozen):
    """What was found of one kind of question: the errors before and after calibration are those of questions
    that the curve was not made of. The curve itself is made of all of them; `family` names what kind of curve
    it is. Results of older versions have neither that, nor `brier_raw`, nor `right`."""

    kind: DecisionKind
    asked: int
    undecided: int
    """Questions whose first token told nothing, or that failed."""
    error_raw: Measured
    error_calibrated: Measured
    brier_raw: Measured | None = None
    brier_calibrated: Measured
    sure: tuple[SureAnswer, ...]
    raw: tuple[float, ...] = ()
    calibrated: tuple[float, ...] = ()
    family: str = ""
    right: Measured | None = None
    """The share of questions whose likeliest answer after calibration was right, in percent."""


def worth_of(
    kind: DecisionKind, graded: Graded, undecided: int, least: int = LEAST_SAMPLES
) -> KindOfDecision | Missing:
    """What is found of the questions of one kind, which must be independent of each other."""
    if len(graded) < least:
        return Missing(missing=f"{len(graded)} answers were decided, and it takes {least}")
    made, judged = graded[::2], graded[1::2]
    half, whole = calibration_of(made).curve, calibration_of(graded)
    after = [(half.at(raw), right) for raw, right in judged]
    return KindOfDecision(
        kind=kind,
        asked=len(graded) + undecided,
        undecided=undecided,
        error_raw=_figure(judged, calibration_error, "calibration error of the model's own probabilities"),
        error_calibrated=_figure(after, calibration_error, "calibration error after calibration"),
        brier_raw=_figure(judged, brier, "Brier score of the model's own probabilities"),
        brier_calibrated=_figure(after, brier, "Brier score after calibration"),
        sure=tuple(_sure(kind, graded, whole.curve, undecided)),
        raw=whole.curve.raw,
        calibrated=whole.curve.calibrated,
        family=whole.family,
        right=_right(kind, after),
    )


def is_right(kind: DecisionKind, probability: float, turned_out: bool) -> bool:
    """Whether the likeliest answer is right, of what `graded` gives of a question."""
    return turned_out == (probability >= 0.5) if kind == "predicate" else turned_out


def _right(kind: DecisionKind, graded: Graded) -> Figure:
    right, n = sum(is_right(kind, probability, turned_out) for probability, turned_out in graded), len(graded)
    low, high = wilson(right, n)
    how = f"{right} of {n} questions that the calibration was not made of; Wilson's interval"
    return Figure(value=100 * right / n, low=100 * low, high=100 * high, n=n, unit="%", how=how)


def _sure(kind: DecisionKind, graded: Graded, curve: Curve, undecided: int) -> Iterable[SureAnswer]:
    """The strictest promise for each thing that can be said."""
    no = [(1 - raw, not right) for raw, right in graded]
    for says, one in (("yes", graded), ("no", no)) if kind == "predicate" else (("an answer", graded),):
        for most in PROMISED:
            if (known := sure_from(one, most)) is not None:
                raw, answered, wrong = known
                above = 1 - curve.at(1 - raw) if says == "no" else curve.at(raw)
                asked = len(graded) + undecided
                yield SureAnswer(
                    says=says, most_wrong=most, above=above, answered=answered, asked=asked, wrong=wrong
                )
                break


def _figure(graded: Graded, statistic: Callable[[Graded], float], what: str) -> Measured:
    """The statistic with the interval of a bootstrap over questions."""
    rng, n = np.random.default_rng(0), len(graded)
    draws = [statistic([graded[at] for at in rng.integers(0, n, n)]) for _ in range(_RESAMPLES)]
    value = statistic(graded)
    low, high = (float(np.percentile(draws, at)) for at in (2.5, 97.5))
    how = f"{what}, of {n} questions that the calibration was not made of; bootstrap over questions"
    return Figure(value=value, low=min(low, value), high=max(high, value), n=n, unit="", how=how)
