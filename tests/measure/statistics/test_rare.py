"""Bounds on what was seen seldom or never."""

import pytest

from viewfinder.measure.statistics.intervals import at_most, is_chance


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
