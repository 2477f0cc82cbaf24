"""Calibrations against planted truth: a model that is too sure by a known amount."""

import numpy as np
import pytest

from viewfinder.measure.measures.decisions.fit import (
    LEAST_FOR_ISOTONIC,
    brier,
    calibration_error,
    curve_of,
    sure_from,
)

TOO_SURE = 3.0
"""Its logits are this many times what they should be."""


def planted(n: int, seed: int, spread: float = 1.5) -> list[tuple[float, bool]]:
    """Raw probabilities and outcomes."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0.5, spread, n)
    right = rng.random(n) < 1 / (1 + np.exp(-logits))
    return [*zip((1 / (1 + np.exp(-TOO_SURE * logits))).tolist(), right.tolist(), strict=True)]


def true_at(raw: float) -> float:
    return float(1 / (1 + np.exp(-np.log(raw / (1 - raw)) / TOO_SURE)))


@pytest.mark.parametrize("n", [60, LEAST_FOR_ISOTONIC - 1, LEAST_FOR_ISOTONIC, 1000])
def test_a_model_that_is_too_sure_is_calibrated(n: int) -> None:
    """By Platt's curve and by isotonic regression: judged on 20,000 others."""
    curve, others = curve_of(planted(n, 1)), planted(20_000, 2)
    after = [(curve.at(raw), right) for raw, right in others]
    assert calibration_error(others) > 0.1
    assert calibration_error(after) < (0.04 if n >= 1000 else 0.08)
    assert brier(after) < brier(others)
    assert [curve.at(raw) for raw in np.linspace(0, 1, 300)] == sorted(
        {curve.at(raw) for raw in np.linspace(0, 1, 300)}
    ), "it rises everywhere: an order is kept"


def test_the_calibration_error_is_the_planted_one() -> None:
    others = planted(20_000, 3)
    planted_error = float(np.mean([abs(raw - true_at(raw)) for raw, _ in others]))
    assert calibration_error(others) == pytest.approx(planted_error, rel=0.1)


def test_promises_hold() -> None:
    """Of 100 calibrations with 300 answers each, at most 7 promise more than is true."""
    others = planted(20_000, 4, spread=2.5)
    broken = promised = 0
    for seed in range(100):
        sure = sure_from(planted(300, 100 + seed, spread=2.5), 0.1)
        if sure is not None:
            promised += 1
            above = [right for raw, right in others if raw > sure[0]]
            broken += above.count(False) > 0.1 * len(above)
    assert promised > 50
    assert broken <= 7


def test_nothing_is_promised_by_few() -> None:
    assert sure_from([(0.9, True)] * 28, 0.1) is None
    assert sure_from([(0.99, True)] * 30 + [(0.5, False)] * 9, 0.1) == (0.99, 29, 0)


def test_all_right_is_not_taken_for_certain() -> None:
    curve = curve_of([(0.99 + 0.0001 * at, True) for at in range(50)])
    assert 0.9 < curve.at(0.995) < 0.99
