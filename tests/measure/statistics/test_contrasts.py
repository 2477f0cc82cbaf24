"""The rules that separate two models, against published numbers and planted runs."""

import math

import numpy as np
import pytest

from tests.measure.statistics.draws import times
from viewfinder.measure.statistics.contrasts import Contrast, changed, holm
from viewfinder.measure.statistics.over_processes import compare, of_process


def contrast(
    value: float = 0.0, *, half: float = 0.1, p: float = 1.0, n: int = 100, spread: float = 0.5
) -> Contrast:
    inner = half * 0.84
    return Contrast(value, value - half, value + half, value - inner, value + inner, p, n, spread)


def run(rng: np.random.Generator, *, between: float) -> list[float]:
    """The typical times of 11 processes."""
    return [of_process(row) for row in times(rng, 11, 20, between=between, within=0.1).tolist()]


def test_holm_on_a_worked_example() -> None:
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}) == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02}
    )
    assert holm({"a": 0.9, "b": 0.8}) == {"b": 1.0, "a": 1.0}
    assert holm({}) == {}


@pytest.mark.parametrize(("points", "needed"), [(0.1, 234), (0.05, 940)])
def test_pairs_needed_as_published(points: float, needed: int) -> None:
    """30 % of the answers differ; 80 % power."""
    spread = math.sqrt(0.3 - points**2)
    assert contrast(points, spread=spread, n=0).more_to_separate() == needed
    assert contrast(-points, spread=spread, n=34).more_to_separate() == needed - 34
    assert contrast(points, spread=spread, n=5000).more_to_separate() == 0
    assert contrast(points, spread=spread, n=0).more_to_separate(tests=10) > needed


def test_what_no_number_of_samples_shows() -> None:
    assert contrast(0.0).more_to_separate() == math.inf
    assert contrast(0.03).more_to_tie(0.02) == math.inf
    assert 0 < contrast(0.0).more_to_tie(0.02) < contrast(0.01).more_to_tie(0.02) < math.inf


def test_samples_that_should_prove_a_tie_do() -> None:
    """With the number that was named, four of five experiments with equal models prove it."""
    rng = np.random.default_rng(3)
    n = int(contrast(0.0, spread=1.0, n=0).more_to_tie(0.1))
    means = rng.normal(0, 1 / math.sqrt(n), 4000)
    proven = np.abs(means) + 1.645 / math.sqrt(n) < 0.1
    assert proven.mean() == pytest.approx(0.8, abs=0.03)


@pytest.mark.parametrize(("value", "is_inferior"), [(0.0, False), (-0.3, True)])
def test_samples_that_should_show_which_side_of_the_margin_it_lies_do(
    value: float, is_inferior: bool
) -> None:
    """With the number that was named, four of five experiments show it, whichever side it is."""
    n = int(contrast(value, spread=1.0, n=0).more_to_judge(0.1))
    means = np.random.default_rng(4).normal(value, 1 / math.sqrt(n), 4000)
    bound = 1.645 / math.sqrt(n)
    shown = means + bound < -0.1 if is_inferior else means - bound > -0.1
    assert shown.mean() == pytest.approx(0.8, abs=0.03)
    assert contrast(value, spread=1.0, n=n).more_to_judge(0.1) == 0
    assert contrast(-0.1).more_to_judge(0.1) == math.inf


def test_margins_are_judged_by_one_sided_bounds() -> None:
    one = contrast(0.01, half=0.03)
    assert one.is_not_inferior(0.02)
    assert not one.is_not_inferior(0.01)
    assert one.is_equivalent(0.04)
    assert not one.is_equivalent(0.03)


def test_the_same_thing_twice_is_hardly_ever_called_changed() -> None:
    """20 pairs of runs of ten cells each: at most one cell of the 200 is called changed."""
    rng = np.random.default_rng(5)
    called = 0
    for _ in range(20):
        cells = {}
        for cell in range(10):
            first, second = run(rng, between=0.05), run(rng, between=0.05)
            cells[cell] = compare(second, first, side_by_side=False)
        called += len(changed(cells))
    assert called <= 1


def test_a_real_change_is_called_however_small() -> None:
    rng = np.random.default_rng(6)

    def cell(factor: float) -> Contrast:
        first, second = run(rng, between=0.02), run(rng, between=0.02)
        return compare([factor * time for time in second], first, side_by_side=False)

    cells = {"slower": cell(1.2), "faster": cell(0.8), "the same": cell(1.0)}
    sure_but_small = contrast(0.02, half=0.001, p=1e-9)
    assert changed(cells | {"small": sure_but_small}) == {"slower", "faster", "small"}
    assert changed({}) == set()
