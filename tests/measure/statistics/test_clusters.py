"""Shares whose questions share scenes: coverage, and the edges at which naive intervals collapse."""

import numpy as np
import pytest

from tests.measure.statistics.draws import DRAWS, coverage, scenes
from viewfinder.measure.statistics.clusters import share, worth
from viewfinder.measure.statistics.intervals import TooFew, wilson


@pytest.mark.parametrize(
    ("count", "size", "truth", "alike"),
    [(154, 4, 0.8, 0.2), (154, 4, 0.95, 0.2), (154, 4, 0.9, 0.5), (25, 4, 0.8, 0.2), (10, 4, 0.8, 0.2)],
)
def test_the_interval_covers_the_truth(count: int, size: int, truth: float, alike: float) -> None:
    rng = np.random.default_rng(count)
    sizes = np.full(count, size)
    found = [share(scenes(rng, sizes, truth, alike).tolist(), sizes.tolist())[1:] for _ in range(DRAWS)]
    assert 0.93 <= coverage(truth, found) <= 0.97


@pytest.mark.parametrize(
    ("count", "size", "truth", "alike"),
    [(6, 4, 0.8, 0.2), (25, 4, 0.99, 0.2), (154, 4, 0.8, 0.0), (25, 4, 0.5, 0.999), (40, 1, 0.9, 0.0)],
)
def test_few_clusters_and_extreme_shares_are_covered_at_least(
    count: int, size: int, truth: float, alike: float
) -> None:
    """Counts are whole numbers and the truth is near 1: honest means too wide there, never too narrow."""
    rng = np.random.default_rng(count)
    sizes = np.full(count, size)
    found = [share(scenes(rng, sizes, truth, alike).tolist(), sizes.tolist())[1:] for _ in range(DRAWS)]
    assert coverage(truth, found) >= 0.93


def test_unequal_scenes_are_covered() -> None:
    rng = np.random.default_rng(2)
    sizes = rng.integers(1, 9, 60)
    found = [share(scenes(rng, sizes, 0.7, 0.3).tolist(), sizes.tolist())[1:] for _ in range(DRAWS)]
    assert 0.93 <= coverage(0.7, found) <= 0.97


def test_wilson_alone_would_not_cover() -> None:
    rng = np.random.default_rng(4)
    sizes = np.full(25, 8)
    found = [wilson(int(scenes(rng, sizes, 0.8, 0.5).sum()), 200) for _ in range(500)]
    assert coverage(0.8, found) < 0.8, "the test must show the difference"


def test_one_question_a_scene_is_plain_wilson() -> None:
    right = [1] * 13 + [0] * 7
    assert share(right, [1] * 20) == (0.65, *wilson(13, 20))


def test_all_right_and_all_wrong_count_scenes_not_questions() -> None:
    _, low, high = share([4] * 10, [4] * 10)
    assert (low < wilson(10, 10)[0] < wilson(40, 40)[0], high) == (True, 1.0)
    assert share([0] * 10, [4] * 10)[1:] == pytest.approx((0.0, 1 - low))
    assert share([4], [4])[1] < 0.05, "one scene says nothing"


def test_edges() -> None:
    with pytest.raises(TooFew):
        share([], [])
    with pytest.raises(TooFew):
        share([0], [0])
    with pytest.raises(ValueError, match="right answers"):
        share([5], [4])
    with pytest.raises(ValueError, match="right answers"):
        share([1, 1], [4])
    assert share([3, 0], [4, 0]) == share([3], [4]), "a scene without questions says nothing"


def test_the_design_effect_of_what_is_alike_and_what_is_not() -> None:
    assert worth([4] * 5 + [0] * 5, [4] * 10, 0.25).effect == pytest.approx(4.0)
    assert worth([2] * 10, [4] * 10, 0.25).effect == 1.0, "never worth more than independent ones"
    assert worth([4] * 10, [4] * 10, 0.0).effect == 4.0
