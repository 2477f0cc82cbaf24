"""Figures as text: rounding by the interval, units, and when two can be told apart."""

import math
from typing import Any

import pytest

from viewfinder.measure.figures import Figure, Missing
from viewfinder.report.figures import apart, brief, in_unit, phrase, rate, right_of


def figure(value: float, low: float, high: float, n: int = 30, unit: str = "s") -> Figure:
    return Figure(value=value, low=low, high=high, n=n, unit=unit, how="by hand")


@pytest.mark.parametrize(
    ("value", "low", "high", "printed"),
    [
        (0.32149, 0.3099, 0.3331, "0.321 (0.310 to 0.333, n=30)"),
        (0.9123, 0.8667, 0.9579, "0.912 (0.867 to 0.958, n=30)"),
        (6.2, 5.1, 7.3, "6.2 (5.1 to 7.3, n=30)"),
        (1234.5, 1134.5, 1334.5, "1,230 (1,130 to 1,330, n=30)"),
        (512.7, 489.3, 536.1, "513 (489 to 536, n=30)"),
        (0.00123456, 0.00123, 0.00124, "0.0012346 (0.0012300 to 0.0012400, n=30)"),
        (-1.1512, -1.2, -1.1, "-1.151 (-1.200 to -1.100, n=30)"),
        (-0.004, -0.1, 0.1, "0.00 (-0.10 to 0.10, n=30)"),
        (0.5, 0.4004, 0.5996, "0.50 (0.40 to 0.60, n=30)"),
        (64.0, 64.0, 64.0, "64 (64 to 64, n=30)"),
    ],
)
def test_two_digits_of_the_half_width_remain(value: float, low: float, high: float, printed: str) -> None:
    assert brief(figure(value, low, high)) == printed


def test_without_an_interval_that_is_said() -> None:
    assert brief(figure(0.25, 0.25, 0.25, n=1)) == "0.25 (no interval, n=1)"
    assert brief(figure(0.25, -math.inf, math.inf, n=5)) == "0.25 (no interval, n=5)"
    assert brief(figure(0.25, math.nan, math.nan, n=5)) == "0.25 (no interval, n=5)"


def test_a_phrase_has_its_unit() -> None:
    assert phrase(figure(0.32149, 0.3099, 0.3331)) == "0.321 s (0.310 to 0.333, n=30)"
    assert phrase(figure(0.25, 0.25, 0.25, n=1)) == "0.25 s (no interval, n=1)"


@pytest.mark.parametrize(
    ("stored", "unit", "shown", "value"),
    [
        ("ms", "s", 320.0, 0.32),
        ("s", "ms", 0.32, 320.0),
        ("bytes", "GB", 31e6, 0.031),
        ("MB", "GB", 31.0, 0.031),
        ("GiB", "GB", 1.0, 1.073741824),
        ("s", "s", 2.0, 2.0),
    ],
)
def test_units_are_converted_with_their_interval(stored: str, unit: str, shown: float, value: float) -> None:
    converted = in_unit(figure(shown, shown * 0.9, shown * 1.1, unit=stored), unit)
    assert isinstance(converted, Figure)
    assert (converted.value, converted.low, converted.high) == pytest.approx(
        (value, value * 0.9, value * 1.1)
    )
    assert converted.unit == unit


def test_what_cannot_be_shown_is_missing_with_its_reason() -> None:
    wrong = in_unit(figure(1, 1, 1, unit="furlongs"), "s")
    assert isinstance(wrong, Missing)
    assert "furlongs" in wrong.missing
    assert isinstance(in_unit(figure(math.nan, 0, 1), "s"), Missing)
    assert in_unit(Missing(missing="no GPU"), "s") == Missing(missing="no GPU")


def test_rates_have_wilsons_interval(make: Any) -> None:
    """13 of 20: 43 to 82 %."""
    measured = rate(make.gate(13, 20))
    assert isinstance(measured, Figure)
    assert (measured.value, measured.low, measured.high) == pytest.approx((65, 43.29, 81.88), abs=0.01)
    assert right_of(make.gate(58, 60)) == "58 of 60 right, 96.7 % (88.6 to 99.1)"
    assert isinstance(rate(make.gate(0, 0, passed=False)), Missing)
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
    assert brief(one) == "1.00 (range 0.90 to 1.10, n=3)"
    assert not apart(one, figure(9.0, 8.9, 9.1))
