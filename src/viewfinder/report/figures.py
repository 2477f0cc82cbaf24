"""Measured figures as text, and whether two of them differ; called by every file of this room.

A figure is printed with its interval, rounded so that two digits of the interval's half-width remain.
"""

import math

from viewfinder.measure.figures import Figure, Gate, Missing
from viewfinder.measure.measures.gates.find import share_of


def has_interval(figure: Figure) -> bool:
    return not figure.is_range and figure.n > 1 and math.isfinite(figure.low) and math.isfinite(figure.high)


def apart(one: Figure, other: Figure) -> bool:
    """Whether the intervals do not overlap; a figure without an interval differs surely from none."""
    if not (has_interval(one) and has_interval(other)):
        return False
    return one.high < other.low or other.high < one.low


def brief(figure: Figure) -> str:
    """`0.321 (0.310 to 0.333)`, for a table whose header names the unit."""
    if not (figure.is_range or has_interval(figure)):
        return f"{_rounded(figure.value, None)} (no interval)"
    places = _places(figure)
    value, low, high = (_rounded(number, places) for number in (figure.value, figure.low, figure.high))
    return f"{value} ({'range ' if figure.is_range else ''}{low} to {high})"


def phrase(figure: Figure) -> str:
    """`0.321 s (0.310 to 0.333)`, for a sentence."""
    value, interval = brief(figure).split(" ", 1)
    return f"{value} {figure.unit} {interval}"


def short(figure: Figure) -> str:
    """`0.32 s` or `97 %`: two digits and no interval, for the one sentence that sums up."""
    number = figure.value
    if figure.unit == "%":
        shown = f"{number:.0f}" if number in (0.0, 100.0) or 1 <= number < 99.5 else f"{number:.1f}"
    else:
        shown = f"{number:.2g}" if abs(number) < 100 else f"{number:,.0f}"
    return f"{float(shown):g} {figure.unit}" if "e" in shown else f"{shown} {figure.unit}"


def right_of(gate: Gate) -> str:
    """`58 of 60 right, 96.7 % (88.6 to 99.1)`."""
    measured = share_of(gate)
    if isinstance(measured, Missing):
        return measured.missing
    return f"{gate.right} of {gate.asked} right, {phrase(measured)}"


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
