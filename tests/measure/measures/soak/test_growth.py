"""The kinds of growth, on series like those that engines were reported with."""

import random

import pytest

from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.soak.growth import FEWEST, judge, ranges
from viewfinder.measure.measures.soak.result import FootprintRange, Growth, GrowthKind

BASE_MB, N = 2_000.0, 200


def noisy(series_mb: list[float], noise_mb: float) -> list[float]:
    rng = random.Random(3)
    return [(BASE_MB + one + rng.uniform(-noise_mb, noise_mb)) * 1e6 for one in series_mb]


def growth(series_mb: list[float], same_mb: list[float] | None = None, noise_mb: float = 0.05) -> Growth:
    found = judge(noisy(series_mb, noise_mb), noisy(same_mb or [], noise_mb))
    assert isinstance(found, Growth), found
    return found


FLAT = [0.0] * N
LEAK = [0.2 * number for number in range(N)]
WARM_UP = [min(number, 5) * 2.0 for number in range(N)]
PLATEAU = [min(number, 100) * 80.0 for number in range(N)]
EARLY_PLATEAU = [min(number, 45) * 80.0 for number in range(N)]
"""As ollama #17924 did: 8 GB and more in the first requests, then no more."""
SLOW = [0.03 * number for number in range(N)]
SHRINKS = [-1.0 * number for number in range(N)]


@pytest.mark.parametrize(
    ("series", "same", "kind"),
    [
        (FLAT, None, "flat"),
        (WARM_UP, None, "flat"),
        (SLOW, None, "flat"),
        (SHRINKS, None, "flat"),
        (LEAK, None, "leak"),
        (LEAK, LEAK[:50], "leak"),
        (LEAK, FLAT[:50], "growth with cache"),
        (LEAK, FLAT[:10], "leak"),
        (PLATEAU, None, "plateau"),
        (EARLY_PLATEAU, None, "plateau"),
    ],
)
def test_each_kind(series: list[float], same: list[float] | None, kind: GrowthKind) -> None:
    assert growth(series, same).kind == kind


def test_the_slope_has_its_interval() -> None:
    found = growth([1.0 * number for number in range(N)])
    assert found.slope.low < 1.0 < found.slope.high
    assert found.slope.n == 3 * N // 4
    assert found.rise_mb == pytest.approx(190, abs=0.2)


def test_noise_that_hides_it_is_not_called_flat() -> None:
    assert growth([0.1 * number for number in range(N)], noise_mb=20).kind == "unclear"


def test_too_few_requests() -> None:
    found = judge([1e6] * (FEWEST - 1))
    assert isinstance(found, Missing)
    assert f"there were {FEWEST - 1}" in found.missing


def test_few_readings_are_kept_each() -> None:
    assert ranges([71_000_400.0, 72e6]) == (
        FootprintRange(until=1, low_mb=71.0, high_mb=71.0),
        FootprintRange(until=2, low_mb=72.0, high_mb=72.0),
    )
    assert ranges([]) == ()


@pytest.mark.parametrize("n", [1, 99, 100, 101, 150, 200, 999, 1000, 1001])
def test_many_readings_lose_no_spike(n: int) -> None:
    readings = [1e6 * number for number in range(n)]
    readings[n // 2] = 5e9
    found = ranges(readings)
    assert len(found) <= 100
    assert max(one.high_mb for one in found) == 5000.0
    assert [one.until for one in found] == sorted({one.until for one in found})
    assert found[-1].until == n
    last = 0
    for one in found:
        covered = [size / 1e6 for size in readings[last : one.until]]
        assert (one.low_mb, one.high_mb) == (min(covered), max(covered))
        last = one.until
