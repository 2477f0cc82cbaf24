"""Percentiles: the gate is derived, the interval covers the truth."""

import numpy as np
import pytest
from scipy import stats as scipy_stats

from tests.measure.statistics.draws import DRAWS, coverage, times
from viewfinder.measure.statistics.intervals import TooFew
from viewfinder.measure.statistics.percentiles import percentile, samples_needed


def test_samples_needed_as_published() -> None:
    assert {q: samples_needed(q) for q in (0.5, 0.9, 0.95, 0.99, 0.1)} == {
        0.5: 6,
        0.9: 36,
        0.95: 72,
        0.99: 368,
        0.1: 36,
    }
    with pytest.raises(ValueError, match="quantile"):
        samples_needed(1.0)


@pytest.mark.parametrize(("q", "needed"), [(0.5, 6), (0.95, 72), (0.99, 368)])
def test_the_gate_is_where_the_interval_begins_to_exist(q: float, needed: int) -> None:
    values = [float(value) for value in range(1, needed + 1)]
    assert percentile([values], q)[2] == needed, "the largest sample is the upper end"
    with pytest.raises(TooFew, match=f"p{100 * q:g} needs {needed} samples, there were {needed - 1}"):
        percentile([values[1:]], q)
    assert q ** (needed - 1) > 0.025 >= q**needed


@pytest.mark.parametrize(("q", "n"), [(0.5, 21), (0.95, 72), (0.95, 400), (0.99, 368)])
def test_one_level_covers_the_truth(q: float, n: int) -> None:
    rng = np.random.default_rng(n)
    due = float(scipy_stats.lognorm.ppf(q, 0.5))
    drawn = rng.lognormal(0, 0.5, (DRAWS // 2, n)).tolist()
    assert 0.94 <= coverage(due, [percentile([row], q)[1:] for row in drawn]) <= 0.985


@pytest.mark.parametrize(("processes", "between"), [(7, 0.0), (7, 0.05), (11, 0.05)])
def test_restarts_that_differ_are_covered(processes: int, between: float) -> None:
    """p90 of 40 requests each; the truth is the quantile of both levels' spread together."""
    rng = np.random.default_rng(processes)
    due = float(np.exp(scipy_stats.norm.ppf(0.9) * np.hypot(between, 0.1)))
    found = []
    refused = 0
    for _ in range(DRAWS // 4):
        try:
            found.append(percentile(times(rng, processes, 40, between=between, within=0.1).tolist(), 0.9)[1:])
        except TooFew:
            refused += 1
    assert refused < DRAWS / 10
    assert 0.92 <= coverage(due, found) <= 0.99


def test_restarts_that_differ_as_much_as_their_requests_are_refused_or_covered() -> None:
    rng = np.random.default_rng(3)
    due = float(np.exp(scipy_stats.norm.ppf(0.9) * np.hypot(0.1, 0.1)))
    found, refused = [], 0
    for _ in range(DRAWS // 4):
        try:
            found.append(percentile(times(rng, 11, 40, between=0.1, within=0.1).tolist(), 0.9)[1:])
        except TooFew:
            refused += 1
    assert refused > DRAWS / 20, "440 requests are worth a few dozen here"
    assert coverage(due, found) >= 0.92


def test_requests_that_say_what_their_process_says_are_not_samples() -> None:
    with pytest.raises(TooFew, match="400 of 8 processes resemble each other"):
        percentile([[float(process)] * 50 for process in range(8)], 0.95)


def test_edges() -> None:
    assert percentile([[1.0] * 80, []], 0.95) == (1.0, 1.0, 1.0)
    with pytest.raises(TooFew, match="there were 0"):
        percentile([], 0.5)
