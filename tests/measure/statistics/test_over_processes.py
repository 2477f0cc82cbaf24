"""Times over fresh server processes: the interval covers the truth, and too few processes give none."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from tests.measure.statistics.draws import DRAWS, coverage, times
from viewfinder.measure.statistics.intervals import TooFew
from viewfinder.measure.statistics.over_processes import (
    MIN_PROCESSES,
    compare,
    compare_beyond,
    of_process,
    typical,
)


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


def test_beyond_the_machine_is_the_difference_less_the_machines() -> None:
    """The model takes 1.5 times as long, the machine 1.2 times: 1.25 times are left."""
    then, machine_then = [1.0, 1.02, 0.98, 1.01, 0.99], [0.1, 0.101, 0.099, 0.1005, 0.0995]
    now, machine_now = [1.5 * time for time in then], [1.2 * time for time in machine_then]
    beyond = compare_beyond(now, then, machine_then, machine_now)
    assert math.exp(beyond.value) == pytest.approx(1.25)
    alone = compare(now, then, side_by_side=False)
    assert beyond.high - beyond.low > alone.high - alone.low, "it has the machine's uncertainty, too"
    assert beyond.low < beyond.floor < beyond.value < beyond.ceiling < beyond.high


def test_without_any_spread_of_the_machine_it_is_welchs_test() -> None:
    now, then = [1.2, 1.25, 1.18, 1.3], [1.0, 1.05, 0.97, 1.1, 1.02]
    beyond = compare_beyond(now, then, [0.1] * 3, [0.1] * 3)
    alone = compare(now, then, side_by_side=False)
    for name in ("value", "low", "high", "floor", "ceiling", "p"):
        assert getattr(beyond, name) == pytest.approx(getattr(alone, name))


def test_beyond_the_machine_what_is_the_machines_is_seldom_found() -> None:
    """The model and the machine both take 1.3 times as long: found in 5 % of 1,000 pairs of runs."""
    rng = np.random.default_rng(3)

    def times(typical: float, count: int) -> list[float]:
        return list(typical * np.exp(rng.normal(0, 0.05, count)))

    found = sum(
        compare_beyond(times(1.3, 7), times(1, 7), times(0.1, 6), times(0.13, 6)).p < 0.05
        for _ in range(1000)
    )
    assert 20 < found < 80


def test_beyond_the_machine_needs_two_processes_of_each_and_knows_what_never_varies() -> None:
    with pytest.raises(TooFew, match="2 processes of each, there were 2, 2, 1, 2"):
        compare_beyond([1, 2], [1, 2], [1], [1, 2])
    exact = compare_beyond([2, 2], [1, 1], [1, 1], [1, 1])
    assert (math.exp(exact.value), exact.p) == (pytest.approx(2), 0.0)
