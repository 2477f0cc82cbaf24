"""The suites, and the rule that ends a block early."""

import itertools
from dataclasses import asdict

import pytest

from viewfinder.core.errors import BadRequest, ViewfinderError
from viewfinder.measure.statistics.intervals import MIN_PROCESSES_FOR_MEAN, MIN_PROCESSES_FOR_MEDIAN
from viewfinder.measure.suite import SUITES, Suite, suite_named, suite_of


@pytest.mark.parametrize("suite", SUITES.values(), ids=str)
def test_every_suite_allows_every_interval(suite: Suite) -> None:
    assert suite.processes >= max(MIN_PROCESSES_FOR_MEAN, MIN_PROCESSES_FOR_MEDIAN)
    assert suite.processes % 2 == 1


def test_deeper_suites_ask_more() -> None:
    sizes = [suite.processes * suite.images for suite in SUITES.values()]
    assert sizes == sorted(sizes)


def test_unknown_suite() -> None:
    assert suite_named("quick").name == "quick"
    with pytest.raises(BadRequest, match="quick, standard, thorough"):
        suite_named("quik")


@pytest.mark.parametrize(("step_s", "asked"), [(0.0, 20), (6.0, 4), (100.0, 3)])
def test_a_slow_model_is_asked_less_but_never_below_the_least(step_s: float, asked: int) -> None:
    suite = Suite("x", processes=7, images=20, texts=1, vision=1, text=1, follow_up=1, budget_s=10.0)
    clock = itertools.count(0.0, step_s)
    assert len(list(suite.paced(itertools.count(), 20, 3, clock=lambda: next(clock)))) == asked


def test_a_suite_comes_back_from_its_counts() -> None:
    assert suite_of(asdict(SUITES["quick"])) == SUITES["quick"]
    with pytest.raises(ViewfinderError, match="another version"):
        suite_of({"name": "quick", "chapters": 3})
