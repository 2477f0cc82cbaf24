"""A calibration from graded answers, how good it is, and from where on an answer is surely right; pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import itemgetter

import numpy as np
import scipy

from viewfinder.measure.calibrating.families import FAMILIES, LOGITS, CurveFamily, logits_of
from viewfinder.wire.decisions.calibration import Curve

FOLDS, REPEATS = 5, 2
TILT = 1e-3
"""The part of a curve that is its raw probability: it rises everywhere, so that an order is kept."""
BINS = 15
LEAST_IN_A_BIN = 20
STEP = 1.1
"""From one tested number of surest answers to the next."""
Graded = Sequence[tuple[float, bool]]
"""Raw probabilities, each with whether it turned out so."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A curve, and the name of its family."""

    curve: Curve
    family: str


def calibration_of(graded: Graded) -> Calibration:
    """The curve of the simplest family that is not surely worse than the best, by cross-validation within
    these samples: of a model that is right already, what it says itself.

    Compared are logarithmic losses of samples that a curve was not made of, by the one-standard-error rule
    (Breiman, Friedman, Olshen and Stone, 1984) on the differences, sample by sample.
    """
    raw, right = _arrays(graded)
    logits, surest = logits_of(raw), 1 / (len(right) + 2)
    able = [family for family in FAMILIES if family.suits(right)]
    chosen = able[0] if len(able) == 1 else _simplest(able, _losses(able, logits, right, surest))
    return Calibration(_rising(_bounded(chosen.levels(logits, right), surest)), chosen.name)


def curve_of(graded: Graded) -> Curve:
    """The curve alone."""
    return calibration_of(graded).curve


def _simplest(able: Sequence[CurveFamily], losses: "np.ndarray") -> CurveFamily:
    """`losses` by family and sample."""
    best = losses[np.argmin(losses.mean(axis=1))]
    for family, own in zip(able, losses, strict=True):
        more = own - best
        if more.mean() <= more.std() / math.sqrt(len(more)):
            return family
    raise AssertionError("the best is as good as itself")


def _losses(
    able: Sequence[CurveFamily], logits: "np.ndarray", right: "np.ndarray", surest: float
) -> "np.ndarray":
    """The mean logarithmic loss of each sample over the repeats, by family and sample."""
    rng, n = np.random.default_rng(0), len(right)
    losses = np.zeros((len(able), n))
    for _ in range(REPEATS):
        for fold in np.array_split(rng.permutation(n), min(FOLDS, n)):
            made = np.setdiff1d(np.arange(n), fold)
            for at, family in enumerate(able):
                levels = _bounded(family.levels(logits[made], right[made]), surest)
                said = np.interp(logits[fold], LOGITS, levels)
                losses[at, fold] -= np.log(np.where(right[fold] > 0, said, 1 - said)) / REPEATS
    return losses


def _bounded(levels: "np.ndarray", surest: float) -> "np.ndarray":
    """No claim beyond what this number of samples can show: the rule of succession."""
    found: np.ndarray = np.clip(levels, surest, 1 - surest)
    return found


def _rising(levels: "np.ndarray") -> Curve:
    """The curve through these levels at `LOGITS`."""
    places = scipy.special.expit(LOGITS)
    known = [
        (float(at), float((1 - TILT) * level + TILT * at)) for at, level in zip(places, levels, strict=True)
    ]
    ends = [(0.0, known[0][1] - TILT * known[0][0]), *known, (1.0, known[-1][1] + TILT * (1 - known[-1][0]))]
    rising = [ends[0], *(after for before, after in pairwise(ends) if after[0] > before[0])]
    return Curve(tuple(at for at, _ in rising), tuple(level for _, level in rising))


def calibration_error(graded: Graded) -> float:
    """The expected calibration error: over bins of equal numbers, how far the mean probability is from the
    share that turned out so (Naeini et al., AAAI 2015).

    No bin has probabilities on both sides of a half: a model that is too sure of yes and of no would have
    errors there that cancel. Nothing is taken off for chance, so that it is above 0 for perfect
    probabilities, too.
    """
    raw, right = _arrays(sorted(graded, key=itemgetter(0)))
    half, bins = int(np.searchsorted(raw, 0.5)), min(BINS, len(raw) // LEAST_IN_A_BIN)
    total = 0.0
    for side in (slice(0, half), slice(half, None)):
        if n := len(raw[side]):
            parts = max(1, round(bins * n / len(raw)))
            means = zip(np.array_split(raw[side], parts), np.array_split(right[side], parts), strict=True)
            total += sum(float(abs(p.mean() - r.mean())) * len(p) for p, r in means)
    return total / len(raw)


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
    ranked = sorted(graded, key=lambda one: (-one[0], one[1]))  # of equal ones, those that are wrong first
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
