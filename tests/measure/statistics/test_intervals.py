"""Intervals: against worked examples, and against the truth they claim to cover."""

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from viewfinder.measure.statistics.intervals import (
    MIN_PROCESSES_FOR_MEAN,
    MIN_PROCESSES_FOR_MEDIAN,
    TooFew,
    at_most,
    is_chance,
    median,
    ratio,
    wilson,
)


def coverage(truth: float, intervals: list[tuple[float, float, float]]) -> float:
    return sum(low <= truth <= high for _, low, high in intervals) / len(intervals)


def test_ratio_of_equal_counts_is_students_interval_of_the_means() -> None:
    means = [1.0, 1.2, 0.9, 1.1, 1.4]
    value, low, high = ratio([10 * mean for mean in means], [10] * 5)
    expected = scipy_stats.t.interval(0.95, 4, loc=np.mean(means), scale=scipy_stats.sem(means))
    assert value == pytest.approx(1.12)
    assert (low, high) == pytest.approx(expected)


def test_ratio_weighs_processes_by_what_they_gave() -> None:
    value, low, high = ratio([10.0, 1.0, 1.0, 1.0], [10.0, 1.0, 1.0, 1.0])
    assert (value, low, high) == (1.0, 1.0, 1.0), "equal speeds have no spread, whatever their weights"
    assert ratio([30.0, 1.0, 1.0, 1.0], [10.0, 1.0, 1.0, 1.0])[0] == pytest.approx(33 / 13)


def test_ratio_covers_the_truth_when_processes_differ() -> None:
    """Requests to one process resemble each other: an interval over requests would be far too narrow."""
    rng = np.random.default_rng(7)
    over_processes, over_requests = [], []
    for _ in range(1500):
        requests = 1.0 + rng.normal(0, 0.1, (7, 1)) + rng.normal(0, 0.05, (7, 20))
        over_processes.append(ratio(list(requests.sum(axis=1)), [20.0] * 7))
        naive = scipy_stats.t.interval(
            0.95, 139, loc=requests.mean(), scale=scipy_stats.sem(requests, axis=None)
        )
        over_requests.append((0.0, *naive))
    assert coverage(1.0, over_processes) == pytest.approx(0.95, abs=0.02)
    assert coverage(1.0, over_requests) < 0.6, "the test must show the difference"


@pytest.mark.parametrize("n", [6, 7, 11, 15, 30])
def test_median_covers_the_truth_of_a_skewed_distribution(n: int) -> None:
    rng = np.random.default_rng(n)
    intervals = [median(list(rng.lognormal(0.0, 1.0, n))) for _ in range(2000)]
    assert coverage(1.0, intervals) > 0.94, "exact: at least 95 %, but for the simulation's noise"


@pytest.mark.parametrize(("n", "rank"), [(6, 1), (8, 1), (9, 2), (11, 2), (12, 3), (15, 4), (25, 8)])
def test_median_takes_the_order_statistics_of_the_tables(n: int, rank: int) -> None:
    values = [float(value) for value in range(n, 0, -1)]
    assert median(values) == ((n + 1) / 2, float(rank), float(n + 1 - rank))


def test_too_few_is_said_and_not_estimated() -> None:
    with pytest.raises(TooFew, match=r"needs 4 .* there were 3"):
        ratio([1.0] * (MIN_PROCESSES_FOR_MEAN - 1), [1.0] * (MIN_PROCESSES_FOR_MEAN - 1))
    with pytest.raises(TooFew, match=r"needs 6 .* there were 5"):
        median([1.0] * (MIN_PROCESSES_FOR_MEDIAN - 1))


def test_ratio_needs_pairs() -> None:
    with pytest.raises(ValueError, match="pair"):
        ratio([1.0] * 5, [1.0] * 4)


@pytest.mark.parametrize(
    ("right", "asked", "low", "high"),
    [
        (13, 20, 0.4329, 0.8188),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (1, 1, 0.2065, 1.0),
        (0, 0, 0, 1),
    ],
)
def test_wilson_on_published_values(right: int, asked: int, low: float, high: float) -> None:
    assert wilson(right, asked) == pytest.approx((low, high), abs=1e-4)


@pytest.mark.parametrize("asked", [1, 7, 50, 1000])
def test_wilson_agrees_with_scipy(asked: int) -> None:
    for right in range(0, asked + 1, max(1, asked // 7)):
        theirs = scipy_stats.binomtest(right, asked).proportion_ci(0.95, method="wilson")
        assert wilson(right, asked) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize(("right", "asked"), [(3, 2), (-1, 2)])
def test_wilson_refuses_what_is_no_share(right: int, asked: int) -> None:
    with pytest.raises(ValueError, match="not a share"):
        wilson(right, asked)


def test_intervals_enclose_their_value_and_are_finite() -> None:
    for interval in (
        ratio([1.0, 2.0, 3.0, 9.0], [1.0, 1.0, 2.0, 2.0]),
        median([1.0, 5.0, 2.0, 9.0, 4.0, 4.0]),
    ):
        value, low, high = interval
        assert low <= value <= high
        assert all(map(math.isfinite, interval))


@pytest.mark.parametrize(
    ("events", "asked", "bound"),
    [(0, 60, 0.0487), (0, 300, 0.00994), (0, 3, 0.6316), (3, 60, 0.1242), (60, 60, 1.0), (0, 0, 1.0)],
)
def test_the_bound_is_the_exact_one(events: int, asked: int, bound: float) -> None:
    """The first two are those of the published protocol; 3 of 60 is R's binom.test, one-sided."""
    assert at_most(events, asked) == pytest.approx(bound, abs=1e-4)


@pytest.mark.parametrize(
    ("events", "of", "chance"), [(0, 9, True), (1, 1, True), (2, 2, False), (2, 9, True)]
)
def test_what_chance_explains(events: int, of: int, chance: bool) -> None:
    """By hand, with a chance of one in seven: 1/7 is more than 5 %, 1/49 is not."""
    assert is_chance(events, of, 1 / 7) == chance


@pytest.mark.parametrize(("events", "asked"), [(-1, 5), (6, 5)])
def test_what_is_no_share(events: int, asked: int) -> None:
    with pytest.raises(ValueError, match="not a share"):
        at_most(events, asked)
