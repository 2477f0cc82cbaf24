"""The suites, what a run stores of them, and the rule that ends a slow measure early."""

import itertools
import json
from dataclasses import asdict

import pytest

from viewfinder.core.errors import BadRequest, ViewfinderError
from viewfinder.measure.measures.base import DEPTHS
from viewfinder.measure.measures.own_images.counts import OwnImagesCounts
from viewfinder.measure.measures.registry import measures
from viewfinder.measure.pacing import paced
from viewfinder.measure.statistics.intervals import MIN_PROCESSES_FOR_MEAN, MIN_PROCESSES_FOR_MEDIAN
from viewfinder.measure.suite import suite_named, suite_of


@pytest.mark.parametrize("name", DEPTHS)
def test_every_suite_allows_every_interval(name: str) -> None:
    suite = suite_named(name)
    assert suite.processes >= max(MIN_PROCESSES_FOR_MEAN, MIN_PROCESSES_FOR_MEDIAN)
    assert suite.processes % 2 == 1


def test_deeper_suites_ask_more() -> None:
    suites = [suite_named(name) for name in DEPTHS]
    sizes = [suite.processes * suite.counts["latency"].images for suite in suites]
    assert sizes == sorted(sizes)
    for measure in measures().values():
        steps = [
            measure.steps(suite.counts[measure.name], 0) for suite in suites if measure.name in suite.counts
        ]
        assert steps == sorted(steps), measure.name


def test_unknown_suite() -> None:
    assert suite_named("quick").name == "quick"
    with pytest.raises(BadRequest, match="quick, standard, thorough"):
        suite_named("quik")


@pytest.mark.parametrize(("step_s", "asked"), [(0.0, 20), (6.0, 4), (100.0, 3)])
def test_a_slow_model_is_asked_less_but_never_below_the_least(step_s: float, asked: int) -> None:
    clock = itertools.count(0.0, step_s)
    assert len(list(paced(itertools.count(), 20, 3, 10.0, clock=lambda: next(clock)))) == asked


@pytest.mark.parametrize("name", DEPTHS)
def test_a_suite_comes_back_from_what_a_run_stores(name: str) -> None:
    suite = suite_named(name)
    assert suite_of(json.loads(json.dumps(asdict(suite)))) == suite


@pytest.mark.parametrize(
    "counts",
    [
        {"name": "quick", "processes": 7, "images": 20},  # as versions before 3 stored it
        {"name": "quick", "processes": 7, "counts": {"gates": {"chapters": 3}}},
        {"name": "quick", "processes": 7, "counts": {"a measure that is gone": {}}},
        {},
    ],
)
def test_counts_of_another_version_are_refused(counts: dict[str, object]) -> None:
    with pytest.raises(ViewfinderError, match="another version"):
        suite_of(counts)


def test_a_suite_knows_which_measures_share_a_process() -> None:
    suite = suite_named("standard")
    assert [measure.name for measure in suite.shared()] == ["load", "latency", "memory", "energy"]
    own = {measure.name: processes for measure, processes in suite.apart()}
    assert own == {
        "gates": 1,
        "cold_load": 1,
        "throughput": 6,
        "resolution": 6,
        "dialogues": 1,
        "decisions": 1,
        "video": 1,
        "grounding": 1,
        "stability": 5,
        "soak": 1,
    }


@pytest.mark.parametrize("name", DEPTHS)
def test_a_suite_of_one_measure_times_nothing(name: str) -> None:
    suite = suite_named(name).with_counts("own_images", OwnImagesCounts(20, 60.0, "/mine")).only("own_images")
    assert (suite.processes, suite.anchor, suite.again) == (0, 0, 0)
    assert suite.shared() == []
    assert [(measure.name, processes) for measure, processes in suite.apart()] == [("own_images", 1)]
    assert suite_of(json.loads(json.dumps(asdict(suite)))) == suite


def test_with_a_budget_every_model_has_the_same_time_for_own_questions() -> None:
    counts = OwnImagesCounts(100, 60.0, "/mine")
    assert counts.within(60.0, 2, alone=True).budget_s == 30.0
    assert counts.within(600.0, 2, alone=True).budget_s == 300.0
    assert counts.within(60.0, 2, alone=False).budget_s == 15.0
    assert counts.within(6000.0, 2, alone=False).budget_s == 60.0
    assert counts.within(60.0, 2, alone=True).least == 1
