"""The bootstrap of one level: it covers the truth there, and is refused for few values."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.measure.statistics.draws import coverage
from viewfinder.measure.statistics.bootstrap import inside
from viewfinder.measure.statistics.intervals import TooFew


@pytest.mark.parametrize(("statistic", "truth"), [(np.mean, np.exp(0.125)), (np.median, 1.0)])
def test_one_level_covers_the_truth(statistic: Callable[..., Any], truth: float) -> None:
    rng = np.random.default_rng(1)
    found = [inside(rng.lognormal(0, 0.5, 80).tolist(), statistic, resamples=500)[1:] for _ in range(400)]
    assert coverage(truth, found) == pytest.approx(0.95, abs=0.025)


def test_few_values_are_refused_and_equal_ones_are_a_point() -> None:
    with pytest.raises(TooFew, match="20 values"):
        inside([1.0] * 19, np.mean)
    assert inside([2.0] * 30, np.median) == (2.0, 2.0, 2.0)


def test_the_same_values_give_the_same_interval() -> None:
    values = np.random.default_rng(2).normal(5, 1, 40).tolist()
    assert inside(values, np.mean) == inside(values, np.mean)


def test_values_that_are_nearly_the_same_have_an_interval_and_no_warning() -> None:
    """Times of a virtual clock differ by their rounding alone."""
    nearly = [0.1] * 19 + [float(np.nextafter(0.1, 1))]
    for statistic in (np.median, np.mean):
        value, low, high = inside(nearly, statistic)
        assert max(abs(value - 0.1), abs(low - 0.1), abs(high - 0.1)) < 1e-15
