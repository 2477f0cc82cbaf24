"""Slopes of series like a server's memory, and whether their intervals hold."""

import numpy as np
import pytest

from viewfinder.measure.statistics.intervals import TooFew
from viewfinder.measure.statistics.trend import MIN_FOR_TREND, MOST_POINTS, slope


def test_a_line_has_its_slope() -> None:
    assert slope([3.0 + 0.5 * number for number in range(60)]) == pytest.approx((0.5, 0.5, 0.5))


def test_what_stands_still_has_none() -> None:
    assert slope([7.0] * MIN_FOR_TREND) == (0.0, 0.0, 0.0)


def test_too_few_are_said_to_be() -> None:
    with pytest.raises(TooFew, match="needs 30 requests, there were 29"):
        slope([1.0] * (MIN_FOR_TREND - 1))


def test_wild_values_do_not_move_it() -> None:
    values = [0.1 * number + (500.0 if number % 10 == 3 else 0.0) for number in range(100)]
    assert slope(values)[0] == pytest.approx(0.1, abs=0.02)


def test_a_long_series_has_the_slope_of_a_step_all_the_same() -> None:
    value, low, high = slope([0.25 * number for number in range(7 * MOST_POINTS + 3)])
    assert (value, low, high) == pytest.approx((0.25, 0.25, 0.25))


def test_with_the_published_noise_200_requests_resolve_a_twentieth() -> None:
    """+-20 MB of noise, the last three quarters of 200 requests: the slope to within 0.05 to 0.1 MB."""
    rng = np.random.default_rng(1)
    value, low, high = slope(0.2 * np.arange(150) + rng.uniform(-20, 20, 150))
    assert low < 0.2 < high
    assert high - low < 0.25
    assert low < value < high


def test_the_interval_holds_where_neighbors_resemble_each_other() -> None:
    """Of 40 series with memory (each value keeps 0.6 of the one before) 90 % of the intervals hold the truth;
    of points drawn one by one it would be two in three."""
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(40):
        noise = np.zeros(90)
        for number in range(1, 90):
            noise[number] = 0.6 * noise[number - 1] + rng.normal()
        _, low, high = slope(noise + 0.01 * np.arange(90), resamples=99)
        held += low <= 0.01 <= high
    assert held >= 36
