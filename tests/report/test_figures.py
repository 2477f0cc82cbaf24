"""Figures as text: rounding by the interval, units, and when two can be told apart."""

import math
from typing import Any

import pytest

from viewfinder.measure.figures import Figure
from viewfinder.report.figures import apart, brief, phrase, right_of


def figure(value: float, low: float, high: float, n: int = 30, unit: str = "s") -> Figure:
    return Figure(value=value, low=low, high=high, n=n, unit=unit, how="by hand")


@pytest.mark.parametrize(
    ("value", "low", "high", "printed"),
    [
        (0.32149, 0.3099, 0.3331, "0.321 (0.310 to 0.333)"),
        (0.9123, 0.8667, 0.9579, "0.912 (0.867 to 0.958)"),
        (6.2, 5.1, 7.3, "6.2 (5.1 to 7.3)"),
        (1234.5, 1134.5, 1334.5, "1,230 (1,130 to 1,330)"),
        (512.7, 489.3, 536.1, "513 (489 to 536)"),
        (0.00123456, 0.00123, 0.00124, "0.0012346 (0.0012300 to 0.0012400)"),
        (-1.1512, -1.2, -1.1, "-1.151 (-1.200 to -1.100)"),
        (-0.004, -0.1, 0.1, "0.00 (-0.10 to 0.10)"),
        (0.5, 0.4004, 0.5996, "0.50 (0.40 to 0.60)"),
        (64.0, 64.0, 64.0, "64 (64 to 64)"),
    ],
)
def test_two_digits_of_the_half_width_remain(value: float, low: float, high: float, printed: str) -> None:
    assert brief(figure(value, low, high)) == printed


def test_without_an_interval_that_is_said() -> None:
    assert brief(figure(0.25, 0.25, 0.25, n=1)) == "0.25 (no interval)"
    assert brief(figure(0.25, -math.inf, math.inf, n=5)) == "0.25 (no interval)"
    assert brief(figure(0.25, math.nan, math.nan, n=5)) == "0.25 (no interval)"


def test_a_phrase_has_its_unit() -> None:
    assert phrase(figure(0.32149, 0.3099, 0.3331)) == "0.321 s (0.310 to 0.333)"
    assert phrase(figure(0.25, 0.25, 0.25, n=1)) == "0.25 s (no interval)"


def test_right_answers_in_words(make: Any) -> None:
    assert right_of(make.gate(58, 60)) == "58 of 60 right, 96.7 % (88.6 to 99.1)"
    assert right_of(make.gate(0, 0, passed=False)) == "no question was asked"


def test_apart_means_no_overlap() -> None:
    low, high = figure(1, 0.9, 1.1), figure(1.3, 1.2, 1.4)
    assert apart(low, high)
    assert apart(high, low)
    assert not apart(low, figure(1.2, 1.1, 1.3)), "touching intervals overlap"
    assert not apart(low, low)


def test_a_figure_without_an_interval_is_told_apart_from_nothing() -> None:
    assert not apart(figure(1, 1, 1, n=1), figure(9, 8, 10))
    assert not apart(figure(9, 8, 10), figure(1, math.nan, math.nan))


def test_a_range_is_called_one_and_tells_nothing_apart() -> None:
    one = figure(1.0, 0.9, 1.1, n=3).model_copy(update={"is_range": True})
    assert brief(one) == "1.00 (range 0.90 to 1.10)"
    assert not apart(one, figure(9.0, 8.9, 9.1))
