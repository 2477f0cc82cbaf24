"""Figures and their units."""

import math

import pytest

from viewfinder.measure.figures import Figure, Missing, in_unit


def figure(value: float, low: float, high: float, unit: str = "s") -> Figure:
    return Figure(value=value, low=low, high=high, n=30, unit=unit, how="by hand")


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
