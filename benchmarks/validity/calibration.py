"""Planted truth about decisions: an engine whose probabilities are too sure by a known amount.

It rests on no times, so that its rows decide in CI, too.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.progress import Progress
from scipy import special

from benchmarks.validity.planting import plant
from benchmarks.validity.running import MeasuredModel
from benchmarks.validity.table import SHORT, Row, Table
from viewfinder.measure.calibrating.fit import Graded, calibration_of, sure_from
from viewfinder.measure.calibrating.shown import KIND_NAMES
from viewfinder.measure.calibrating.worth import KindOfDecision
from viewfinder.measure.figures import Figure
from viewfinder.measure.measures.decisions import MEASURE
from viewfinder.measure.measures.decisions.counts import DecisionCounts
from viewfinder.measure.measures.decisions.find import graded_of
from viewfinder.measure.measures.decisions.result import DecisionsResult
from viewfinder.measure.suite import Suite

TOO_SURE = 3.0
"""Logits are this many times what they should be, as `tests/faults/plugin/planted_deeds` tells them."""
QUESTIONS = 640 if SHORT else 1920
PROMISES, CURVES = (200, 20) if SHORT else (3000, 400)
"""How many calibrations are simulated for the promise, and for a model that is right."""
CALIBRATING, PROMISED, KEPT = 300, 0.05, 0.93
SPREAD = (0.5, 3.0)
"""The mean and the deviation of the true logits of yes, in the simulation."""
NEAR, ALMOST_NOTHING = 0.05, 0.01


def prove() -> Table:
    counts = DecisionCounts(QUESTIONS, QUESTIONS, budget_s=600.0)
    suite = Suite("standard", processes=0, counts={MEASURE.name: counts})
    with Progress(transient=True) as progress, tempfile.TemporaryDirectory(prefix="vf-") as folder:
        task = progress.add_task("Decisions")
        models = {"too-sure": "too-sure"}
        ran = plant(models, suite, Path(folder), lambda words: progress.update(task, description=words))
    return Table(
        "calibration",
        "Calibrated decisions against planted probabilities",
        f"A real run of `bench` with {QUESTIONS:,} questions, each in both orders, on the tests' engine "
        f"(`tests/faults/plugin`), whose logits are {TOO_SURE:g} times what they should be: it is as often "
        f"wrong as a model that says so. Then simulated calibrations with {CALIBRATING} answers each.",
        (*_rows(ran["too-sure"]), _promise(), _right_already()),
    )


def _rows(too_sure: MeasuredModel) -> Iterator[Row]:
    for kind in _kinds(too_sure):
        name = KIND_NAMES[kind.kind]
        judged = graded_of(kind.kind, too_sure.evidence.samples)[0][1::2]
        planted = float(np.mean([abs(raw - _true(raw)) for raw, _ in judged]))
        yield _row(f"{name}, too sure", planted, kind.error_raw)
        away = float(np.mean([abs(_calibrated(kind, raw) - _true(raw)) for raw, _ in judged]))
        yield Row(
            f"{name}, after calibration",
            f"{NEAR:g} or less from the planted probability",
            f"{away:.4f} on average, by a curve of {kind.asked} answers ({kind.family})",
            away <= NEAR,
        )


def _kinds(one: MeasuredModel) -> list[KindOfDecision]:
    found = one.result.found[MEASURE.name]
    assert isinstance(found, DecisionsResult), one.result.failure
    return [kind for kind in found.kinds if isinstance(kind, KindOfDecision)]


def _row(what: str, planted: float, found: object) -> Row:
    value = _value(found)
    shown = f"{value:.4f} ({100 * (value / planted - 1):+.1f} %)"
    return Row(what, f"an error of {planted:.4f} within 10 %", shown, abs(value - planted) <= 0.1 * planted)


def _value(found: object) -> float:
    assert isinstance(found, Figure)
    return found.value


def _true(raw: float) -> float:
    return float(special.expit(special.logit(raw) / TOO_SURE))


def _calibrated(kind: KindOfDecision, raw: float) -> float:
    return float(np.interp(raw, kind.raw, kind.calibrated))


def _promise() -> Row:
    """Each calibration has answers of its own, and the truth above its promise is known exactly."""
    kept = promised = 0
    for seed in range(PROMISES):
        sure = sure_from(_drawn(seed, TOO_SURE), PROMISED)
        if sure is not None:
            above = special.expit(TOO_SURE * ALL_LOGITS) > sure[0]
            promised += 1
            kept += bool((1 - special.expit(ALL_LOGITS[above])).mean() <= PROMISED)
    return Row(
        f"'say yes: wrong in at most {100 * PROMISED:g} %'",
        f"kept by {100 * KEPT:g} % or more",
        f"{100 * kept / promised:.1f} % of the {promised:,} that promised it (of {PROMISES:,})",
        kept >= KEPT * promised > 0,
    )


def _right_already() -> Row:
    """Of a model that tells the truth."""
    likely = special.expit(ALL_LOGITS)
    left = 0
    for seed in range(CURVES):
        curve = calibration_of(_drawn(seed, 1.0)).curve
        away = np.abs(np.interp(likely, curve.raw, curve.calibrated) - likely).mean()
        left += bool(away <= ALMOST_NOTHING)
    return Row(
        "a model that is right already",
        f"left as it is, within {ALMOST_NOTHING:g}, by 80 % or more",
        f"by {100 * left / CURVES:.1f} % of {CURVES:,}",
        left >= 0.8 * CURVES,
    )


ALL_LOGITS = SPREAD[0] + SPREAD[1] * special.ndtri((np.arange(20_000) + 0.5) / 20_000)


def _drawn(seed: int, too_sure: float) -> Graded:
    rng = np.random.default_rng(seed)
    logits = rng.normal(*SPREAD, CALIBRATING)
    right = rng.random(len(logits)) < special.expit(logits)
    return [*zip(special.expit(too_sure * logits).tolist(), right.tolist(), strict=True)]
