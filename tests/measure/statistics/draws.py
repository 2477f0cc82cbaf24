"""Samples with a known truth, for the tests of intervals; every draw comes from the generator it is given."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DRAWS = 2000


def coverage(truth: float, intervals: list[tuple[float, float]]) -> float:
    """The share of intervals that enclose the truth."""
    return sum(low <= truth <= high for low, high in intervals) / len(intervals)


def times(
    rng: np.random.Generator, processes: int, requests: int, *, between: float, within: float
) -> Floats:
    """Lognormal times of typical value 1, processes x requests; relative spread of each level."""
    level = rng.normal(0, between, (processes, 1))
    return np.exp(level + rng.normal(0, within, (processes, requests)))


def scenes(rng: np.random.Generator, sizes: Ints, share: float, alike: float) -> Ints:
    """Right answers in each scene; `alike` is the correlation of two answers about one scene."""
    if not alike:
        return rng.binomial(sizes, share)
    strength = 1 / alike - 1
    return rng.binomial(sizes, rng.beta(share * strength, (1 - share) * strength, len(sizes)))
