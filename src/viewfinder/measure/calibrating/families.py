"""The kinds of curve that a calibration may be, the simplest first; called by `fit`, pure.

All of them rise with what the model says. The logistic ones lean towards what the model says itself, so that
few samples do not bend them for nothing.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy

LOGITS = np.linspace(-14, 14, 113)
"""Where a curve has its points, as logits of the model's probability."""
LEAST_OF_EACH = 10
"""Right and wrong answers that isotonic regression needs each; with fewer it follows chance."""
LEAST_FOR_ISOTONIC = 100
RESAMPLES = 20
PRIOR = 1.0
"""The standard deviation of a logistic curve's intercept, and of the logarithms of its slopes."""
_EDGE = 1e-6
Array = np.ndarray
FitFunction = Callable[[Array, Array], Array]


@dataclass(frozen=True, slots=True)
class CurveFamily:
    """`levels` takes logits of raw probabilities with what turned out so (1 or 0), and gives the calibrated
    probabilities at `LOGITS`. It is tried only with as many samples, and as many of either outcome."""

    name: str
    levels: FitFunction
    least: int = 0
    least_of_each: int = 0

    def suits(self, right: Array) -> bool:
        few = min(right.sum(), len(right) - right.sum())
        return len(right) >= self.least and bool(few >= self.least_of_each)


def logits_of(raw: Array) -> Array:
    """The logits of probabilities, those of 0 and 1 as far out as curves go."""
    found: Array = scipy.special.logit(np.clip(raw, _EDGE, 1 - _EDGE))
    return found


def _unchanged(logits: Array, right: Array) -> Array:
    return _expit(LOGITS)


def _platt(logits: Array, right: Array) -> Array:
    """A straight line of the logit (Platt, Advances in Large Margin Classifiers, 1999)."""
    return _logistic(logits[None, :], LOGITS[None, :], right)


def _beta(logits: Array, right: Array) -> Array:
    """Beta calibration (Kull, Silva Filho and Flach, AISTATS 2017): probabilities near 0 and near 1 may be
    wrong by different amounts."""
    return _logistic(_both_logs(logits), _both_logs(LOGITS), right)


def _both_logs(logits: Array) -> Array:
    """log p and -log(1 - p), whose sum is the logit."""
    return np.array([-np.logaddexp(0, -logits), np.logaddexp(0, logits)])


def _logistic(known: Array, wanted: Array, right: Array) -> Array:
    """The likeliest logistic curve of features by row, each with a slope that is never negative.

    The slopes' logarithms and the intercept are taken to be normal around those of a model that is right
    as it is.
    """

    def loss(at: Array) -> tuple[float, Array]:
        parts = _slopes(at)[:, None] * known
        said = at[0] + parts.sum(axis=0)
        away = _expit(said) - right
        value = np.sum(np.logaddexp(0, said) - right * said) + np.sum((at / PRIOR) ** 2) / 2
        slope = np.array([away.sum(), *(parts * away).sum(axis=1)]) + at / PRIOR**2
        return float(value), slope

    best = scipy.optimize.minimize(loss, np.zeros(1 + len(known)), jac=True, method="BFGS").x
    return _expit(best[0] + (_slopes(best)[:, None] * wanted).sum(axis=0))


def _slopes(at: Array) -> Array:
    """From their logarithms; no search for the best ones overflows."""
    found: Array = np.exp(np.clip(at[1:], -10, 10))
    return found


def _isotonic(logits: Array, right: Array) -> Array:
    """Level stretches, with straight lines between the middles of them (Zadrozny and Elkan, KDD 2002)."""
    order = np.argsort(logits, kind="stable")
    levels = scipy.optimize.isotonic_regression(right[order]).x
    starts = np.flatnonzero(np.diff(levels, prepend=-1.0) > 0)
    middles = [float(part.mean()) for part in np.split(logits[order], starts[1:])]
    found: Array = np.interp(LOGITS, middles, levels[starts])
    return found


def _smoothed(logits: Array, right: Array) -> Array:
    """The mean of the isotonic curves of resamples: the steps of one follow chance."""
    rng, n = np.random.default_rng(0), len(right)
    drawn = [rng.integers(0, n, n) for _ in range(RESAMPLES)]
    found: Array = np.mean([_isotonic(logits[at], right[at]) for at in drawn], axis=0)
    return found


def _expit(logits: Array) -> Array:
    found: Array = scipy.special.expit(logits)
    return found


FAMILIES = (
    CurveFamily("unchanged", _unchanged),
    CurveFamily("Platt's", _platt, least_of_each=1),
    CurveFamily("beta", _beta, least_of_each=2),
    CurveFamily("smoothed isotonic", _smoothed, LEAST_FOR_ISOTONIC, LEAST_OF_EACH),
    CurveFamily("isotonic", _isotonic, LEAST_FOR_ISOTONIC, LEAST_OF_EACH),
)
