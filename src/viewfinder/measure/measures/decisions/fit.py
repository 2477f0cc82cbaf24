"""A calibration from graded answers, how good it is, and from where on an answer is surely right; pure."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import scipy

from viewfinder.wire.decisions.calibration import Curve

LEAST_FOR_ISOTONIC = 200
"""With fewer samples, isotonic regression follows chance (Niculescu-Mizil and Caruana, ICML 2005)."""
LEAST_OF_EACH = 10
"""Right and wrong answers that isotonic regression needs each."""
TILT = 1e-3
"""The part of a curve that is its raw probability: it rises everywhere, so that an order is kept."""
BINS = 15
LEAST_IN_A_BIN = 20
STEP = 1.1
"""From one tested number of surest answers to the next."""
_EDGE = 1e-6
_LOGITS = np.linspace(-14, 14, 57)
Graded = Sequence[tuple[float, bool]]
"""Raw probabilities, each with whether it turned out so."""


def curve_of(graded: Graded) -> Curve:
    """Isotonic where there are samples enough, else Platt's; no claim beyond what this number can show."""
    raw, right = _arrays(graded)
    few = min(right.sum(), len(right) - right.sum())
    is_isotonic = len(right) >= LEAST_FOR_ISOTONIC and few >= LEAST_OF_EACH
    points = _isotonic(raw, right) if is_isotonic else _platt(raw, right)
    surest = 1 / (len(right) + 2)  # the rule of succession
    kept = {round(at, 9): min(max(level, surest), 1 - surest) for at, level in sorted(points)}
    known = [(at, (1 - TILT) * level + TILT * at) for at, level in kept.items()]
    ends = [(0.0, known[0][1] - TILT * known[0][0]), *known, (1.0, known[-1][1] + TILT * (1 - known[-1][0]))]
    rising = [ends[0], *(after for before, after in pairwise(ends) if after[0] > before[0])]
    return Curve(tuple(at for at, _ in rising), tuple(level for _, level in rising))


def _isotonic(raw: "np.ndarray", right: "np.ndarray") -> list[tuple[float, float]]:
    """The means of raw and outcome of each level stretch."""
    order = np.argsort(raw, kind="stable")
    levels = scipy.optimize.isotonic_regression(right[order]).x
    starts = np.flatnonzero(np.diff(levels, prepend=-1.0) > 0)
    return [
        (float(part.mean()), float(level))
        for part, level in zip(np.split(raw[order], starts[1:]), levels[starts], strict=True)
    ]


def _platt(raw: "np.ndarray", right: "np.ndarray") -> list[tuple[float, float]]:
    """A logistic curve of the logit, with Platt's targets (Advances in Large Margin Classifiers, 1999)."""
    logits = scipy.special.logit(np.clip(raw, _EDGE, 1 - _EDGE))
    n, yes = len(right), right.sum()
    targets = np.where(right > 0, (yes + 1) / (yes + 2), 1 / (n - yes + 2))

    def loss(line: "np.ndarray") -> float:
        at = line[0] + np.exp(line[1]) * logits  # it never falls
        return float(np.sum(np.logaddexp(0, at) - targets * at) + 0.05 * line[1] ** 2)

    best = scipy.optimize.minimize(loss, np.zeros(2), method="L-BFGS-B", bounds=[(-20, 20), (-5, 3)]).x
    levels = scipy.special.expit(best[0] + math.exp(best[1]) * _LOGITS)
    return [*zip(map(float, scipy.special.expit(_LOGITS)), map(float, levels), strict=True)]


def calibration_error(graded: Graded) -> float:
    """The expected calibration error: over bins of equal numbers, how far the mean probability is from the
    share that turned out so (Naeini et al., AAAI 2015)."""
    raw, right = _arrays(sorted(graded))
    bins = max(1, min(BINS, len(raw) // LEAST_IN_A_BIN))
    parts = zip(np.array_split(raw, bins), np.array_split(right, bins), strict=True)
    return float(sum(abs(p.mean() - r.mean()) * len(p) for p, r in parts) / len(raw))


def brier(graded: Graded) -> float:
    """The mean squared difference between probability and outcome: 0 is perfect, 0.25 is no knowledge."""
    raw, right = _arrays(graded)
    return float(np.mean((raw - right) ** 2))


def sure_from(graded: Graded, most_wrong: float, level: float = 0.95) -> tuple[float, int, int] | None:
    """The probability above which at most this share is wrong, with this confidence; then how many of the
    samples are above it, and how many of those are wrong. None: no such probability was shown.

    The k surest answers are tested, for growing k that were fixed before, until one test fails: in such a
    sequence no correction for many tests is needed. Above the next one after them they are a random sample,
    so that the bound is Clopper and Pearson's, exact for any k.
    """
    ranked = sorted(graded, reverse=True)
    best, k = None, _fewest(most_wrong, level)
    while k < len(ranked):
        wrong = sum(not right for _, right in ranked[:k])
        if scipy.stats.beta.ppf(level, wrong + 1, k - wrong) > most_wrong:
            break
        best = (ranked[k][0], k, wrong)
        k = max(k + 1, math.ceil(k * STEP))
    return best


def _fewest(most_wrong: float, level: float) -> int:
    """With fewer answers, even no wrong one shows nothing."""
    return math.ceil(math.log(1 - level) / math.log(1 - most_wrong))


def _arrays(graded: Graded) -> "tuple[np.ndarray, np.ndarray]":
    return np.array([raw for raw, _ in graded], float), np.array([right for _, right in graded], float)
