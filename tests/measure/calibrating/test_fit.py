"""Calibrations against planted truth: a model that is too sure by a known amount."""

import numpy as np
import pytest

from viewfinder.measure.calibrating.fit import (
    brier,
    calibration_error,
    calibration_of,
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


def graded(raw: np.ndarray, likely: np.ndarray, seed: int) -> list[tuple[float, bool]]:
    """Outcomes as likely as that."""
    return [*zip(raw.tolist(), (np.random.default_rng(seed).random(len(raw)) < likely).tolist(), strict=True)]


def true_at(raw: float) -> float:
    return float(1 / (1 + np.exp(-np.log(raw / (1 - raw)) / TOO_SURE)))


@pytest.mark.parametrize(("n", "most"), [(60, 0.1), (300, 0.05), (1000, 0.04)])
def test_a_model_that_is_too_sure_is_calibrated(n: int, most: float) -> None:
    """Judged on 20,000 others."""
    curve, others = curve_of(planted(n, 1)), planted(20_000, 2)
    after = [(curve.at(raw), right) for raw, right in others]
    assert calibration_error(others) > 0.1
    assert calibration_error(after) < most
    assert brier(after) < brier(others)
    assert [curve.at(raw) for raw in np.linspace(0, 1, 300)] == sorted(
        {curve.at(raw) for raw in np.linspace(0, 1, 300)}
    ), "it rises everywhere: an order is kept"


@pytest.mark.parametrize("spread", [1.5, 3.0, 6.0])
def test_a_model_that_is_right_already_is_left_as_it_is(spread: float) -> None:
    """Isotonic regression on every sample made such a model worse: 0.002 became 0.025."""
    raw = 1 / (1 + np.exp(-np.random.default_rng(7).normal(0, spread, 300)))
    found = calibration_of(graded(raw, raw, 8))
    assert found.family == "unchanged"
    assert all(abs(found.curve.at(one) - one) < 0.01 for one in np.linspace(0, 1, 50))


def test_a_curve_that_no_line_fits_is_found() -> None:
    """Between 0.3 and 0.9 the model knows nothing: its answers are right in half of all cases there."""
    rng = np.random.default_rng(9)

    def drawn(n: int, seed: int) -> list[tuple[float, bool]]:
        raw = rng.random(n)
        return graded(raw, np.where(raw < 0.3, 0.05, np.where(raw < 0.9, 0.5, 0.95)), seed)

    found = calibration_of(drawn(1000, 10))
    assert "isotonic" in found.family
    assert calibration_error([(found.curve.at(raw), right) for raw, right in drawn(20_000, 11)]) < 0.04


def test_the_same_answers_give_the_same_curve() -> None:
    assert calibration_of(planted(120, 12)) == calibration_of(planted(120, 12))


def test_the_calibration_error_is_the_planted_one() -> None:
    others = planted(20_000, 3)
    planted_error = float(np.mean([abs(raw - true_at(raw)) for raw, _ in others]))
    assert calibration_error(others) == pytest.approx(planted_error, rel=0.1)


def test_errors_of_yes_and_of_no_do_not_cancel() -> None:
    """In three bins over both, one had a 0.1 that is 0.25 and a 0.9 that is 0.75: 0 where 0.15 was right."""
    some = [(0.1, at % 4 == 0) for at in range(32)] + [(0.9, at % 4 > 0) for at in range(32)]
    assert calibration_error(some) == pytest.approx(0.15)


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
