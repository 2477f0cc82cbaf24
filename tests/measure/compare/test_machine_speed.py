"""The machine's own speed, by the anchor's times."""

import math

import numpy as np
import pytest

from tests.measure.made_up import timed
from viewfinder.measure.compare import machine_speed
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.store.rows import ANCHOR, Sample


def anchor(start: list[float], end: list[float]) -> list[Sample]:
    """Processes from 0 on, as they are stored."""
    asked = timed([*start, *end], model=ANCHOR, scenario=machine_speed.ANCHOR_SCENARIO)
    return [Sample(one.run, one.model, one.process - 1, one.scenario, "?", one.exchange) for one in asked]


def test_a_machine_that_became_slower_is_reported_with_its_interval() -> None:
    figure, drift = machine_speed.during(anchor([0.100, 0.102, 0.101], [0.130, 0.131, 0.129]), 3)
    assert isinstance(figure, Figure)
    assert figure.value == pytest.approx(1.287, abs=0.002)
    assert figure.low < figure.value < figure.high
    assert (figure.n, figure.unit) == (18, "times")
    assert "3 and 3 fresh server processes" in figure.how
    assert drift.startswith("drift: at the end of the run the machine took 1.29 times as long (1.2")


def test_one_that_stayed_as_it_was_is_not() -> None:
    figure, drift = machine_speed.during(anchor([0.100, 0.104, 0.097], [0.103, 0.099, 0.101]), 3)
    assert isinstance(figure, Figure)
    assert figure.value == pytest.approx(1.0, abs=0.02)
    assert drift == ""


def test_a_large_difference_that_is_not_sure_is_no_drift() -> None:
    _, drift = machine_speed.during(anchor([0.10, 0.14, 0.10], [0.16, 0.11, 0.15]), 3)
    assert drift == ""


def test_a_sure_one_below_ten_per_cent_is_none() -> None:
    _, drift = machine_speed.during(anchor([0.100, 0.1001, 0.0999], [0.108, 0.1081, 0.1079]), 3)
    assert drift == ""


@pytest.mark.parametrize(("start", "end"), [([], [0.1, 0.1]), ([0.1, 0.1], []), ([0.1], [0.1])])
def test_too_few_of_its_processes_give_no_figure(start: list[float], end: list[float]) -> None:
    figure, drift = machine_speed.during(anchor(start, end), len(start))
    assert isinstance(figure, Missing)
    assert drift == ""


def test_quiet_machines_are_seldom_said_to_drift() -> None:
    """Processes that differ by 5 % anyway, 3 at each end: at most one run in a hundred."""
    rng = np.random.default_rng(1)
    said = sum(
        bool(machine_speed.during(anchor(*np.exp(rng.normal(math.log(0.1), 0.05, (2, 3))).tolist()), 3)[1])
        for _ in range(300)
    )
    assert said <= 3
