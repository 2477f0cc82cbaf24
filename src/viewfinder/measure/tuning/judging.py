"""Which of two ways to run a model is faster, and whether its answers are as good; pure, called by `search`.

One pair of fresh processes is one observation, as everywhere in `measure` (`statistics/over_processes`): the
median ratio of the times of the same questions, asked in turns. The pairs are looked at as they come, so each
look has a stricter level than one look alone would have.
"""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import scipy

from viewfinder.measure.prompts import GUESSING
from viewfinder.measure.statistics import pairs
from viewfinder.measure.statistics.contrasts import Contrast
from viewfinder.measure.statistics.intervals import at_most, wilson
from viewfinder.measure.statistics.pairs import NOT_INFERIOR
from viewfinder.measure.tuning.candidate import ProcessPair, TimedReply

LEAST_GAIN = 0.03
"""Less than this share of the time is not worth another setting."""
LEAST_PAIRS, MOST_PAIRS = 3, 8
_EACH_LOOK = 1 - 0.0142
"""Two-sided, at each of six looks, for 95 % over all of them (Pocock, Biometrika 64 (1977) 191)."""
_FUTILE, _FUTILE_BY_ALL = 0.90, 0.95
"""One-sided, of a value's own pairs and of all pairs: stopping early without a gain can only miss one."""
_NARROW = 0.1
"""Of the logarithm: a gain that is told as 1.24 (1.12 to 1.37)."""
_PAIRS_FASTER, _PAIRS_SLOWER = 2, 4
"""After so few a value is taken whose every question took much less; and one that is slower on average is
dropped, however wide its interval is."""
_LEAST_SIGNS = 8
_MUCH, _CLEARLY = math.log(1.5), math.log(1.15)
SURE_GAIN = 1.1
"""A single change that is surely this many times as fast needs no confirmation."""
QUESTIONS_AT_LOOKS = (200, 400)
"""Answers are compared after these numbers of questions, each time at half of 5 %."""
_LEAST_TO_JUDGE = 12

Speed = Literal["faster", "no gain", "not shown", "more"]
AnswerKind = Literal["same", "as good", "worse", "not shown", "cannot be judged", "more"]
ComparedAnswers = Mapping[pairs.Item, tuple[str, bool]]
"""By scene and question: the words, and whether they are right."""


@dataclass(frozen=True, slots=True)
class Gain:
    """How many times as fast `other` is as `one`, with its interval over `n` pairs; low and high are equal to
    it with one pair."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, slots=True)
class AnswerVerdict:
    """`differ` of `n` answers have other words; `says` is the clause for people."""

    kind: AnswerKind
    says: str
    n: int = 0
    differ: int = 0

    @property
    def is_good(self) -> bool:
        return self.kind in ("same", "as good")


def log_ratio(pair: ProcessPair, *, images: bool) -> float | None:
    """The median over the shared questions of log(time of the other / time of the one); None: none."""
    found = _ratios(pair, images=images)
    return statistics.median(found) if found else None


def _shared(pair: ProcessPair) -> list[tuple[TimedReply, TimedReply]]:
    theirs = {(one.scene, one.question, one.has_image): one for one in pair.other if not one.error}
    return [
        (one, theirs[key])
        for one in pair.one
        if not one.error and (key := (one.scene, one.question, one.has_image)) in theirs
    ]


def logs_of(measured: Sequence[ProcessPair], *, images: bool) -> list[float]:
    return [ratio for pair in measured if (ratio := log_ratio(pair, images=images)) is not None]


def gain(logs: Sequence[float], level: float = _EACH_LOOK) -> Gain:
    """Of the mean of logarithms, with Student's interval."""
    middle = statistics.fmean(logs)
    reach = _reach(logs, (1 + level) / 2) if len(logs) > 1 else 0.0
    return Gain(math.exp(-middle), math.exp(-middle - reach), math.exp(-middle + reach), len(logs))


def pooled_gain(logs: Sequence[float], others: Sequence[Sequence[float]]) -> Gain:
    """Of the mean of few logarithms, with what others say of how much pairs differ."""
    spread, freedom = _pooled_spread((logs, *others))
    if not freedom:
        return gain(logs)
    middle = statistics.fmean(logs)
    reach = float(scipy.special.stdtrit(freedom, (1 + _EACH_LOOK) / 2)) * spread / math.sqrt(len(logs))
    return Gain(math.exp(-middle), math.exp(-middle - reach), math.exp(-middle + reach), len(logs))


def _pooled_spread(logs: Sequence[Sequence[float]]) -> tuple[float, int]:
    """The standard deviation of a pair, and its degrees of freedom.

    How much pairs differ is a property of the machine, not of a setting: the pooled variance of an analysis
    of variance.
    """
    groups = [each for each in logs if len(each) > 1]
    freedom = sum(len(each) - 1 for each in groups)
    if not freedom:
        return math.inf, 0
    return math.sqrt(sum(statistics.variance(each) * (len(each) - 1) for each in groups) / freedom), freedom


def speed(
    measured: Sequence[ProcessPair],
    *,
    images: bool,
    most: int = MOST_PAIRS,
    others: Sequence[Sequence[float]] = (),
) -> Speed:
    """Whether the other one is faster: asked after every pair. Pictures decide, where the model sees; that
    questions without one become slower by more than the least gain is no gain either.

    `others` are the logarithms of other trials' pairs: with them it is seen sooner that there is no gain.
    """
    logs, texts = logs_of(measured, images=images), logs_of(measured, images=False) if images else []
    if not logs:
        return "no gain"
    if is_slower_at_once(measured, images=images):
        return "no gain"
    least = math.log1p(LEAST_GAIN)
    middle, n = statistics.fmean(logs), len(logs)
    if _is_futile(logs, others, least) or (n >= _PAIRS_SLOWER and middle >= 0):
        return "no gain"
    is_clear = n >= LEAST_PAIRS and middle <= -least and middle + _reach(logs, (1 + _EACH_LOOK) / 2) < 0
    if is_clear or _is_faster_at_once(measured, images=images):
        slower = len(texts) >= LEAST_PAIRS and statistics.fmean(texts) - _reach(texts, 1 - 0.05) > least
        return "no gain" if slower else "faster"
    return "more" if n < most else "not shown"


def _is_futile(logs: Sequence[float], others: Sequence[Sequence[float]], least: float) -> bool:
    """Surely no gain, by how much its own pairs differ, or by how much all do."""
    spread, freedom = _pooled_spread((logs, *others))
    reach = math.inf
    if freedom:
        reach = float(scipy.special.stdtrit(freedom, _FUTILE_BY_ALL)) * spread / math.sqrt(len(logs))
    return -statistics.fmean(logs) + min(reach, _reach(logs, _FUTILE)) < least


def needs_more(measured: Sequence[ProcessPair], *, images: bool) -> bool:
    """Whether another pair would tell the gain better: it is not decided, or its interval is still wide."""
    found = speed(measured, images=images)
    if found != "faster":
        return found == "more"
    logs = logs_of(measured, images=images)
    return len(logs) < MOST_PAIRS and _reach(logs, (1 + _EACH_LOOK) / 2) > _NARROW


def is_slower_at_once(measured: Sequence[ProcessPair], *, images: bool) -> bool:
    """Every question of the first pair took longer, and most of them much longer; or those of two pairs."""
    least = _MUCH if len(measured) == 1 else _CLEARLY
    ratios = [_ratios(pair, images=images) for pair in measured]
    return all(
        len(each) >= _LEAST_SIGNS and min(each) > 0 and statistics.median(each) > least for each in ratios
    )


def _is_faster_at_once(measured: Sequence[ProcessPair], *, images: bool) -> bool:
    """Every question of two pairs took less, and most of them much less: what differs between processes in
    turns is a few percent."""
    ratios = [_ratios(pair, images=images) for pair in measured]
    return len(ratios) >= _PAIRS_FASTER and all(
        len(each) > 0 and max(each) < 0 and statistics.median(each) < -_MUCH for each in ratios
    )


def _ratios(pair: ProcessPair, *, images: bool) -> list[float]:
    """The logarithms of the other's times over those of the one, of each question."""
    return [math.log(theirs.e2e_s / ours.e2e_s) for ours, theirs in _shared(pair) if ours.has_image is images]


def _reach(logs: Sequence[float], level: float) -> float:
    n = len(logs)
    if n < 2:
        return math.inf
    return float(scipy.special.stdtrit(n - 1, level)) * statistics.stdev(logs) / math.sqrt(n)


def answers(ours: ComparedAnswers, theirs: ComparedAnswers, *, is_exact: bool) -> AnswerVerdict:
    """Whether `ours` are as good as `theirs`, which are those of the settings as they are now.

    `is_exact`: what only decides the order of computations is checked by a few answers, which must have the
    same words. Otherwise the same words must be surely those of all but 2 % of the answers; or, where words
    differ, the lower one-sided bound of the paired difference must be above -2 points, at each of two looks
    with half of 5 %.
    """
    shared = ours.keys() & theirs.keys()
    n, differ = len(shared), sum(ours[one][0] != theirs[one][0] for one in shared)
    if not n:
        return AnswerVerdict("more", "no question was asked of both")
    words = f"{differ} of {n} answers have other words" if differ else f"the same answers to {n} questions"
    if not differ and n >= _LEAST_TO_JUDGE and (is_exact or at_most(0, n) < NOT_INFERIOR):
        return AnswerVerdict("same", words, n)
    right, reference = (sum(side[one][1] for one in shared) for side in (ours, theirs))
    low, high = wilson(reference, n)
    is_last = n >= QUESTIONS_AT_LOOKS[-1]
    if n >= _LEAST_TO_JUDGE and (high < GUESSING or (is_last and low <= GUESSING)):
        says = f"{words}; {right} right, {reference} as it is now: no better than guessing"
        return AnswerVerdict("cannot be judged", says, n, differ)
    graded = [{one: side[one][1] for one in shared} for side in (ours, theirs)]
    return _of_contrast(pairs.compare(*graded), words, differ, is_better=low > GUESSING)


def _of_contrast(contrast: Contrast, words: str, differ: int, *, is_better: bool) -> AnswerVerdict:
    """`is_better`: the reference is surely better than guessing."""
    n = contrast.n
    said = (
        f"{words}; accuracy {100 * contrast.value:+.1f} points ({100 * contrast.low:+.1f} to "
        f"{100 * contrast.high:+.1f}), {n} questions"
    )
    kind: AnswerKind = "not shown" if n >= QUESTIONS_AT_LOOKS[-1] else "more"
    if contrast.ceiling < -NOT_INFERIOR:
        kind = "worse"
    elif n >= QUESTIONS_AT_LOOKS[0] and _floor(contrast) > -NOT_INFERIOR and is_better:
        kind = "as good"
    return AnswerVerdict(kind, said, n, differ)


def _floor(contrast: Contrast) -> float:
    """The lower bound at half of 5 %: never above that of `pairs`, at 5 %."""
    return min(contrast.floor, contrast.low)
