"""From the log-probabilities of first tokens to calibrations and their worth; pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

import numpy as np
import scipy

from viewfinder.catalog.card import Variant
from viewfinder.fleet.record.calibrations import StoredCalibration, calibration_path
from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.base import ResultHeader
from viewfinder.measure.measures.decisions import fit
from viewfinder.measure.measures.decisions.ask import ANSWERS_OF, COUNT_LEVELS, DECISIONS_PREFIX
from viewfinder.measure.measures.decisions.counts import DecisionCounts
from viewfinder.measure.measures.decisions.result import DecisionsResult, KindOfDecision, SureAnswer
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.store.rows import Sample
from viewfinder.wire.decisions.calibration import Curve
from viewfinder.wire.decisions.probabilities import Mass, of_first_token, together
from viewfinder.wire.decisions.wording import YES_NO, DecisionKind

DECISION_KINDS: tuple[DecisionKind, ...] = ("predicate", "choice", "score")
LEAST_SAMPLES = 40
"""Half of them judge what the other half made."""
PROMISED = (0.05, 0.1)
_RESAMPLES = 400
NO_LOGPROBS = Missing(missing="its engine tells no log-probabilities")


def decisions(
    logs: Sequence[ProcessLog], counts: DecisionCounts, variant: Variant
) -> DecisionsResult | Missing:
    """All kinds; Missing where the engine tells no log-probabilities."""
    samples = [one for log in logs for one in log.samples if one.scenario.startswith(DECISIONS_PREFIX)]
    if not any(one.exchange.top_tokens for one in samples):
        return NO_LOGPROBS
    return DecisionsResult(kinds=tuple(_found(kind, samples) for kind in DECISION_KINDS))


def graded_of(kind: DecisionKind, samples: Iterable[Sample]) -> tuple[list[tuple[float, bool]], int]:
    """What is calibrated of each question (the probability of yes, or of the likeliest answer) with whether
    it turned out so; and how many questions were not decided."""
    by_scene: defaultdict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        if sample.scenario.startswith(f"{DECISIONS_PREFIX}{kind}/"):
            by_scene[sample.scene].append(sample)
    graded, undecided = [], 0
    for orders in by_scene.values():
        answers = _answers_to(kind, orders[0].expected)
        masses = [mass for one in orders if (mass := _mass(one, answers)) is not None]
        if len(masses) < 2:
            undecided += 1
            continue
        shares = together(masses)
        best = 0 if kind == "predicate" else max(range(len(shares)), key=shares.__getitem__)
        graded.append((shares[best], answers[best] == orders[0].expected))
    return graded, undecided


def _answers_to(kind: DecisionKind, expected: str) -> tuple[str, ...]:
    if kind == "predicate":
        return YES_NO
    if kind == "score":
        return COUNT_LEVELS
    return next(answers for answers in ANSWERS_OF.values() if expected in answers)


def _mass(sample: Sample, answers: Sequence[str]) -> Mass | None:
    tops = [{"token": token, "logprob": logprob} for token, logprob in sample.exchange.top_tokens]
    return of_first_token([{"top_logprobs": tops}], answers) if tops else None


def _found(kind: DecisionKind, samples: Sequence[Sample]) -> KindOfDecision | Missing:
    graded, undecided = graded_of(kind, samples)
    if len(graded) < LEAST_SAMPLES:
        return Missing(missing=f"{len(graded)} answers were decided, and it takes {LEAST_SAMPLES}")
    made, judged = graded[::2], graded[1::2]
    half, curve = fit.curve_of(made), fit.curve_of(graded)
    after = [(half.at(raw), right) for raw, right in judged]
    return KindOfDecision(
        kind=kind,
        asked=len(graded) + undecided,
        undecided=undecided,
        error_raw=_figure(
            judged, fit.calibration_error, "calibration error of the model's own probabilities"
        ),
        error_calibrated=_figure(after, fit.calibration_error, "calibration error after calibration"),
        brier_calibrated=_figure(after, fit.brier, "Brier score after calibration"),
        sure=tuple(_sure(kind, graded, curve, undecided)),
        raw=curve.raw,
        calibrated=curve.calibrated,
    )


def _sure(kind: DecisionKind, graded: fit.Graded, curve: Curve, undecided: int) -> Iterable[SureAnswer]:
    """The strictest promise for each thing that can be said."""
    no = [(1 - raw, not right) for raw, right in graded]
    for says, one in (("yes", graded), ("no", no)) if kind == "predicate" else (("an answer", graded),):
        for most in PROMISED:
            if (known := fit.sure_from(one, most)) is not None:
                raw, answered, _ = known
                above = 1 - curve.at(1 - raw) if says == "no" else curve.at(raw)
                asked = len(graded) + undecided
                yield SureAnswer(says=says, most_wrong=most, above=above, answered=answered, asked=asked)
                break


def _figure(graded: fit.Graded, statistic: Callable[[fit.Graded], float], what: str) -> Measured:
    """The statistic with the interval of a bootstrap over questions."""
    rng, n = np.random.default_rng(0), len(graded)
    draws = [statistic([graded[at] for at in rng.integers(0, n, n)]) for _ in range(_RESAMPLES)]
    value = statistic(graded)
    low, high = (float(scipy.stats.scoreatpercentile(draws, at)) for at in (2.5, 97.5))
    how = f"{what}, of {n} questions that the calibration was not made of; bootstrap over questions"
    return Figure(value=value, low=min(low, value), high=max(high, value), n=n, unit="", how=how)


def files(found: DecisionsResult, header: ResultHeader) -> dict[str, bytes]:
    """The file from which the gateway calibrates."""
    kinds = [one for one in found.kinds if isinstance(one, KindOfDecision)]
    if not kinds:
        return {}
    stored = StoredCalibration(
        model=header.model,
        variant=header.variant,
        engine=header.engine,
        engine_version=header.engine_version,
        measured_at=header.measured_at or datetime.now(UTC).isoformat(timespec="seconds"),
        curves={one.kind: (one.raw, one.calibrated) for one in kinds},
    )
    return {calibration_path(header.model, header.variant): stored.model_dump_json().encode()}
