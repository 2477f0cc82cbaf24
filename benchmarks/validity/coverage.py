"""How often the instrument's own intervals enclose a known truth, in simulation."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from rich.progress import track
from scipy import special

from benchmarks.validity.table import Row, Table
from tests.measure.statistics.draws import DRAWS, coverage, scenes, times
from viewfinder.measure.statistics import bootstrap, clusters, intervals, over_processes, pairs, percentiles

LEAST_COVERAGE = 0.93
BETWEEN, WITHIN, SKEWED = 0.05, 0.1, 0.8
"""Relative spread of processes, and of requests to one: the usual spread, and one with which the slowest of
forty requests takes six times as long as the typical one."""
REQUESTS = 20
Ends = tuple[float, float]
Draw = Callable[[np.random.Generator], Ends]


@dataclass(frozen=True, slots=True)
class Case:
    """An interval of `name`, and how to draw one; it should enclose the `truth`."""

    name: str
    truth: float
    draw: Draw


def prove() -> Table:
    rows = [row(case, number) for number, case in enumerate(track(list(cases()), "Coverage", transient=True))]
    return Table(
        "coverage",
        "Coverage of the intervals, in simulation",
        f"{DRAWS:,} draws a case from a known truth, put through `bench`'s own functions. Processes differ "
        f"by {100 * BETWEEN:.0f} %, requests to one by {100 * WITHIN:.0f} %; skewed: by {100 * SKEWED:.0f} "
        "%; all lognormal.",
        tuple(rows),
    )


def row(case: Case, seed: int) -> Row:
    rng = np.random.default_rng(seed)
    given = [ends for _ in range(DRAWS) if (ends := drawn(case, rng)) is not None]
    share = coverage(case.truth, given)
    found = f"{100 * share:.2f} %"
    if len(given) < DRAWS:
        found += f" of the {len(given):,} that were given; for the others, too few samples were reported"
    return Row(case.name, f"95 %, at least {100 * LEAST_COVERAGE:.0f} %", found, share >= LEAST_COVERAGE)


def drawn(case: Case, rng: np.random.Generator) -> Ends | None:
    """The interval; None when `bench` gives none, because there are too few samples."""
    try:
        return case.draw(rng)
    except intervals.TooFew:
        return None


def cases() -> Iterator[Case]:
    for count in (6, 7, 11, 15):
        yield Case(f"typical time, {count} processes", 1.0, typical(count, WITHIN))
    yield Case("typical time, 7 processes, skewed", 1.0, typical(7, SKEWED))
    for count in (7, 11):
        yield Case(f"mean time, {count} processes", mean_of(WITHIN), mean(count, WITHIN))
        yield Case(f"mean time, {count} processes, skewed", mean_of(SKEWED), mean(count, SKEWED))
    yield Case("median over 7 processes (memory)", 1.0, middle(7))
    for paired, how in ((True, "in turns"), (False, "apart")):
        yield Case(f"ratio of two models' times, 7 processes, {how}", math.log(1.2), ratio(7, paired))
    for q in (0.5, 0.95):
        yield Case(f"p{100 * q:.0f} of 15 x 80 requests", quantile_of(q), percentile(q))
    for count, size, truth, alike in (
        (154, 4, 0.8, 0.2),
        (154, 4, 0.95, 0.2),
        (25, 4, 0.8, 0.5),
        (25, 4, 0.95, 0.2),
    ):
        name = f"share {truth}, {count} scenes of {size} questions, correlation {alike}"
        yield Case(name, truth, share(count, size, truth, alike))
    yield Case("share 0.9, 100 questions, one a scene", 0.9, share(100, 1, 0.9, 0.0))
    yield Case("difference of two shares, 100 questions, one a scene", 0.1, difference(100))
    yield Case("bootstrap of a mean inside one process, 40 requests", mean_of(WITHIN, 0.0), inside(40))


def typical(count: int, within: float) -> Draw:
    def draw(rng: np.random.Generator) -> Ends:
        drawn = times(rng, count, REQUESTS, between=BETWEEN, within=within)
        return over_processes.typical([over_processes.of_process(some) for some in drawn.tolist()])[1:]

    return draw


def mean(count: int, within: float) -> Draw:
    def draw(rng: np.random.Generator) -> Ends:
        drawn = times(rng, count, REQUESTS, between=BETWEEN, within=within)
        return intervals.ratio(drawn.sum(axis=1).tolist(), [float(REQUESTS)] * count)[1:]

    return draw


def mean_of(within: float, between: float = BETWEEN) -> float:
    return math.exp((within**2 + between**2) / 2)


def middle(count: int) -> Draw:
    def draw(rng: np.random.Generator) -> Ends:
        return intervals.median(np.exp(rng.normal(0, BETWEEN, count)).tolist())[1:]

    return draw


def ratio(count: int, paired: bool) -> Draw:
    """One model takes 1.2 times as long; in turns, 10 % of change slows down both."""

    def draw(rng: np.random.Generator) -> Ends:
        both = rng.normal(0, 2 * BETWEEN, count) if paired else np.zeros(count)
        one, other = (np.exp(shift + both + rng.normal(0, BETWEEN, count)) for shift in (math.log(1.2), 0.0))
        found = over_processes.compare(one.tolist(), other.tolist(), side_by_side=paired)
        return found.low, found.high

    return draw


def percentile(q: float) -> Draw:
    def draw(rng: np.random.Generator) -> Ends:
        drawn = times(rng, 15, 80, between=BETWEEN, within=WITHIN)
        return percentiles.percentile(drawn.tolist(), q)[1:]

    return draw


def quantile_of(q: float) -> float:
    return float(np.exp(math.hypot(BETWEEN, WITHIN) * special.ndtri(q)))


def share(count: int, size: int, truth: float, alike: float) -> Draw:
    sizes = np.full(count, size)

    def draw(rng: np.random.Generator) -> Ends:
        return clusters.share(scenes(rng, sizes, truth, alike).tolist(), sizes.tolist())[1:]

    return draw


def difference(count: int) -> Draw:
    """The difference of two models that are right in 90 % and in 80 %, and mostly fail at the same
    questions."""

    def draw(rng: np.random.Generator) -> Ends:
        kinds = rng.choice(4, count, p=(0.78, 0.12, 0.02, 0.08)).tolist()  # both, one, other, none
        one = {(str(number), ""): kind in (0, 1) for number, kind in enumerate(kinds)}
        other = {(str(number), ""): kind in (0, 2) for number, kind in enumerate(kinds)}
        found = pairs.compare(one, other)
        return found.low, found.high

    return draw


def inside(count: int) -> Draw:
    def draw(rng: np.random.Generator) -> Ends:
        values: Sequence[float] = np.exp(rng.normal(0, WITHIN, count)).tolist()
        return bootstrap.inside(values, np.mean, resamples=1000)[1:]

    return draw
