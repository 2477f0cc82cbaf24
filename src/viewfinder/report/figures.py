"""Measured figures as text, and when two of them differ; called by every file of this room.

A figure is printed with its interval and its number of samples, rounded so that two digits of the
interval's half-width remain. What was not measured keeps its reason and is never turned into a number.
"""

import math
from collections.abc import Callable

from viewfinder.measure.figures import Figure, Gate, Measured, Missing
from viewfinder.measure.statistics.intervals import wilson

Cell = Callable[[Measured], str]
"""How a figure is printed in a table, or why there is none."""

SCALES = {
    "s": {"s": 1.0, "ms": 1e-3},
    "ms": {"ms": 1.0, "s": 1e3},
    "GB": {"GB": 1.0, "MB": 1e-3, "bytes": 1e-9, "B": 1e-9, "MiB": 2**20 / 1e9, "GiB": 2**30 / 1e9},
}
"""Unit to show > unit as stored > factor. GB is 10^9 bytes, as the published report has it."""


def in_unit(measured: Measured, unit: str) -> Measured:
    """The same figure in `unit`; Missing when its stored unit cannot be shown so."""
    if isinstance(measured, Missing):
        return measured
    factor = 1.0 if measured.unit == unit else SCALES.get(unit, {}).get(measured.unit)
    if factor is None:
        return Missing(missing=f"it is stored in {measured.unit!r}, which cannot be shown in {unit}")
    if not math.isfinite(measured.value):
        return Missing(missing="the stored value is not a number")
    low, high = measured.low * factor, measured.high * factor
    return measured.model_copy(
        update={"value": measured.value * factor, "low": low, "high": high, "unit": unit}
    )


def rate(gate: Gate | Missing) -> Measured:
    """The share of right answers in percent, with Wilson's 95 % interval."""
    if isinstance(gate, Missing):
        return gate
    if gate.asked < 1:
        return Missing(missing="no question was asked")
    low, high = wilson(gate.right, gate.asked)
    return Figure(
        value=100 * gate.right / gate.asked,
        low=100 * low,
        high=100 * high,
        n=gate.asked,
        unit="%",
        how=gate.rule,
    )


def has_interval(figure: Figure) -> bool:
    return not figure.is_range and figure.n > 1 and math.isfinite(figure.low) and math.isfinite(figure.high)


def apart(one: Figure, other: Figure) -> bool:
    """Whether the intervals do not overlap; a figure without an interval cannot be told from any."""
    if not (has_interval(one) and has_interval(other)):
        return False
    return one.high < other.low or other.high < one.low


def brief(figure: Figure) -> str:
    """`0.321 (0.310 to 0.333, n=30)`, for a table whose header names the unit."""
    if figure.is_range:
        value, low, high = (
            _rounded(number, _places(figure)) for number in (figure.value, figure.low, figure.high)
        )
        return f"{value} (range {low} to {high}, n={figure.n})"
    if not has_interval(figure):
        return f"{_rounded(figure.value, None)} (no interval, n={figure.n})"
    places = _places(figure)
    value, low, high = (_rounded(number, places) for number in (figure.value, figure.low, figure.high))
    return f"{value} ({low} to {high}, n={figure.n})"


def phrase(figure: Figure) -> str:
    """`0.321 s (0.310 to 0.333, n=30)`, for a sentence."""
    value, interval = brief(figure).split(" ", 1)
    return f"{value} {figure.unit} {interval}"


def right_of(gate: Gate) -> str:
    """`58 of 60 right, 96.7 % (88.6 to 99.1)`."""
    measured = rate(gate)
    if isinstance(measured, Missing):
        return measured.missing
    return f"{gate.right} of {gate.asked} right, {phrase(measured).replace(f', n={gate.asked}', '')}"


def _places(figure: Figure) -> int | None:
    """Decimal places that leave two significant digits of the half-width; None: the interval is a point."""
    half = (figure.high - figure.low) / 2
    if not half > 0:
        return None
    return 1 - int(f"{half:.1e}".partition("e")[2])


def _rounded(number: float, places: int | None) -> str:
    if places is None:
        return f"{number:.6g}"
    text = f"{round(number, places):,.{max(places, 0)}f}"
    return text.removeprefix("-") if float(text.replace(",", "")) == 0 else text
