"""Times over fresh server processes: the interval covers the truth, and too few processes give none."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from tests.measure.statistics.draws import DRAWS, coverage, times
from viewfinder.measure.statistics.intervals import TooFew
from viewfinder.measure.statistics.over_processes import MIN_PROCESSES, compare, of_process, typical


@pytest.mark.parametrize(
    ("processes", "between", "within"), [(6, 0.05, 0.1), (7, 0.05, 0.1), (11, 0.05, 0.8), (15, 0.3, 0.1)]
)
def test_the_interval_covers_the_truth(processes: int, between: float, within: float) -> None:
    """Between processes 5 % and within 10 %, very skewed requests, and very different processes."""
    rng = np.random.default_rng(processes)
    drawn = np.log(times(rng, processes * DRAWS, 20, between=between, within=within)).mean(axis=1)
    found = [typical(list(np.exp(row))) for row in drawn.reshape(DRAWS, processes)]
    assert 0.93 <= coverage(1.0, [one[1:] for one in found]) <= 0.97


def test_an_interval_over_requests_would_not() -> None:
    rng = np.random.default_rng(1)
    found = []
    for _ in range(300):
        logs = np.log(times(rng, 7, 20, between=0.05, within=0.1)).ravel()
        low, high = scipy_stats.t.interval(0.95, logs.size - 1, loc=logs.mean(), scale=scipy_stats.sem(logs))
        found.append((math.exp(low), math.exp(high)))
    assert coverage(1.0, found) < 0.75, "the test must show the difference"


def test_fewer_than_six_give_their_range() -> None:
    assert typical([2.0, 1.0, 4.0]) == (pytest.approx(2.0), 1.0, 4.0)
    assert typical([3.0]) == (pytest.approx(3.0), 3.0, 3.0)
    assert typical([1.0, 2.0] * (MIN_PROCESSES // 2)) != (pytest.approx(2**0.5), 1.0, 2.0)


def test_edges() -> None:
    assert typical([0.5] * 7) == pytest.approx((0.5, 0.5, 0.5))
    with pytest.raises(TooFew, match="nothing"):
        typical([])
    with pytest.raises(ValueError, match="no logarithm"):
        typical([1.0, 0.0])
    assert of_process([1.0, 4.0]) == pytest.approx(2.0)


@pytest.mark.parametrize("side_by_side", [True, False])
def test_a_comparison_covers_the_true_ratio(side_by_side: bool) -> None:
    rng = np.random.default_rng(8)
    found, missed = [], 0
    for _ in range(DRAWS // 2):
        both = rng.normal(0, 0.1, 7) if side_by_side else np.zeros(7)
        one, other = (np.exp(shift + both + rng.normal(0, 0.05, 7)) for shift in (math.log(1.2), 0.0))
        contrast = compare(list(one), list(other), side_by_side=side_by_side)
        found.append((contrast.low, contrast.high))
        missed += contrast.floor > math.log(1.2)
        assert (contrast.p < 0.05) == (not contrast.low <= 0 <= contrast.high)
    assert 0.93 <= coverage(math.log(1.2), found) <= 0.97
    assert missed / (DRAWS // 2) == pytest.approx(0.05, abs=0.02), "a one-sided 95 % bound"


def test_side_by_side_what_slowed_both_is_subtracted() -> None:
    rng = np.random.default_rng(9)
    both = np.exp(rng.normal(0, 0.5, 7))
    one, other = list(1.1 * both * np.exp(rng.normal(0, 0.01, 7))), list(both)
    assert compare(one, other, side_by_side=True).p < 0.001
    assert compare(one, other, side_by_side=False).p > 0.1


def test_comparisons_agree_with_scipy() -> None:
    rng = np.random.default_rng(10)
    one, other = rng.lognormal(0, 0.2, 7), rng.lognormal(0.1, 0.4, 7)
    for side_by_side, theirs in (
        (True, scipy_stats.ttest_rel(np.log(one), np.log(other))),
        (False, scipy_stats.ttest_ind(np.log(one), np.log(other), equal_var=False)),
    ):
        ours = compare(list(one), list(other), side_by_side=side_by_side)
        interval, bounds = theirs.confidence_interval(0.95), theirs.confidence_interval(0.9)
        assert (ours.p, ours.low, ours.high) == pytest.approx((theirs.pvalue, interval.low, interval.high))
        assert (ours.floor, ours.ceiling) == pytest.approx((bounds.low, bounds.high))


def test_comparisons_at_the_edges() -> None:
    same = compare([1.0, 1.0], [1.0, 1.0], side_by_side=True)
    assert (same.value, same.p) == (0.0, 1.0)
    assert compare([2.0] * 3, [1.0] * 3, side_by_side=False).p == 0.0
    with pytest.raises(TooFew, match="2 processes of each"):
        compare([1.0], [1.0], side_by_side=True)
    with pytest.raises(ValueError, match="pair up"):
        compare([1.0, 2.0], [1.0], side_by_side=True)
