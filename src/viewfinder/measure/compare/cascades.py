"""What a cascade of two models saves and costs, by their stored answers to the same questions; pure, for the
guide.

The questions are those of the `decisions` measure. Half of them give the curves and from which confidence on
the first model's answer counts, as the gateway takes it (`gateway/cascade`); judged is the other half, and
then the other way round, so that no question is judged by what it has taught.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from viewfinder.measure.calibrating.fit import curve_of
from viewfinder.measure.calibrating.worth import LEAST_SAMPLES, is_right
from viewfinder.measure.measures.decisions.ask import DECISIONS_PREFIX
from viewfinder.measure.measures.decisions.find import DECISION_KINDS, graded_of
from viewfinder.measure.results import ModelResult
from viewfinder.measure.statistics import pairs
from viewfinder.measure.statistics.contrasts import Contrast
from viewfinder.measure.statistics.intervals import wilson
from viewfinder.measure.store.rows import Sample
from viewfinder.wire.decisions.calibration import Curve
from viewfinder.wire.decisions.wording import DecisionKind

KEPT_CURVES = 256


@dataclass(frozen=True, slots=True)
class CascadeWorth:
    """Of `asked` questions, `kept` are answered by the first model alone. `time` is the cascade's for all of
    them, as a share of the second model's. `loss` is the share of right answers by the cascade minus that of
    the second model, `gain` minus that of the first."""

    first: ModelResult
    second: ModelResult
    asked: int
    kept: int
    time: float
    loss: Contrast
    gain: Contrast

    @property
    def kept_between(self) -> tuple[float, float]:
        """The 95 % interval of the share that is kept."""
        return wilson(self.kept, self.asked)


@dataclass(frozen=True, slots=True)
class _Put:
    """A question that the second model has decided: what each said, None where the first decided nothing, and
    how long each took."""

    scene: str
    kind: DecisionKind
    first: tuple[float, bool] | None
    second: tuple[float, bool]
    first_s: float
    second_s: float


@dataclass(frozen=True, slots=True)
class _Judged:
    put: _Put
    is_kept: bool
    first: bool
    second: bool

    @property
    def cascade(self) -> bool:
        return self.first if self.is_kept else self.second


def worth_of(
    first: ModelResult, its: Sequence[Sample], second: ModelResult, others: Sequence[Sample]
) -> CascadeWorth | None:
    """None where they were asked too few questions in common, or the first is not faster."""
    put = [_put(kind, its, others) for kind in DECISION_KINDS]
    if sum(one.first_s - one.second_s for some in put for one in some) >= 0:
        return None
    judged = [one for some in put for one in _judged(some)]
    if not judged:
        return None
    graded: dict[str, dict[tuple[str, str], bool]] = {
        "first": {(one.put.scene, one.put.kind): one.first for one in judged},
        "second": {(one.put.scene, one.put.kind): one.second for one in judged},
        "cascade": {(one.put.scene, one.put.kind): one.cascade for one in judged},
    }
    alone_s = sum(one.put.second_s for one in judged)
    took_s = sum(one.put.first_s + (0.0 if one.is_kept else one.put.second_s) for one in judged)
    return CascadeWorth(
        first,
        second,
        asked=len(judged),
        kept=sum(one.is_kept for one in judged),
        time=took_s / alone_s,
        loss=pairs.compare(graded["cascade"], graded["second"]),
        gain=pairs.compare(graded["cascade"], graded["first"]),
    )


def _put(kind: DecisionKind, its: Sequence[Sample], others: Sequence[Sample]) -> list[_Put]:
    mine, theirs = _by_scene(kind, its), _by_scene(kind, others)
    put = []
    for scene in sorted(mine.keys() & theirs.keys()):
        second, _ = graded_of(kind, theirs[scene])
        if second:
            first, _ = graded_of(kind, mine[scene])
            times = [sum(one.exchange.e2e_s for one in some) for some in (mine[scene], theirs[scene])]
            put.append(_Put(scene, kind, first[0] if first else None, second[0], *times))
    return put


def _by_scene(kind: DecisionKind, samples: Sequence[Sample]) -> Mapping[str, list[Sample]]:
    found: defaultdict[str, list[Sample]] = defaultdict(list)
    for one in samples:
        if one.scenario.startswith(f"{DECISIONS_PREFIX}{kind}/"):
            found[one.scene].append(one)
    return found


def _judged(put: Sequence[_Put]) -> list[_Judged]:
    """Nothing of a kind with too few questions."""
    if sum(one.first is not None for one in put) < LEAST_SAMPLES:
        return []
    halves = put[::2], put[1::2]
    return [*_judged_by(halves[0], halves[1]), *_judged_by(halves[1], halves[0])]


@lru_cache(KEPT_CURVES)
def _curve_of(graded: tuple[tuple[float, bool], ...]) -> Curve:
    """The same one for every pair that a model is in: it takes a while."""
    return curve_of(graded)


def _judged_by(made: Sequence[_Put], judged: Sequence[_Put]) -> list[_Judged]:
    first = _curve_of(tuple(one.first for one in made if one.first is not None))
    second = _curve_of(tuple(one.second for one in made))
    known = [is_right(one.kind, second.at(one.second[0]), one.second[1]) for one in made]
    level = sum(known) / len(known)
    found = []
    for one in judged:
        raw, turned_out = one.first or (0.5, False)
        sure = first.at(raw)
        confidence = max(sure, 1 - sure) if one.kind == "predicate" else sure
        found.append(
            _Judged(
                one,
                is_kept=one.first is not None and confidence >= level,
                first=one.first is not None and is_right(one.kind, sure, turned_out),
                second=is_right(one.kind, second.at(one.second[0]), one.second[1]),
            )
        )
    return found
