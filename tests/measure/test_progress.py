"""The steps that the CLI shows, and how long the rest will take."""

import pytest

from viewfinder.measure.progress import LEAST_STEPS, Progress, Steps


def test_steps_add_up_and_never_run_over() -> None:
    reports: list[Progress] = []
    steps = Steps(7, reports.append)
    steps.begin("glimpse", "first", 3)
    steps.step()
    steps.begin("glimpse", "second", 4)
    for _ in range(9):
        steps.step()
    steps.finish()
    assert [(shown.doing, shown.done) for shown in reports[:4]] == [
        ("first", 0),
        ("first", 1),
        ("second", 3),
        ("second", 4),
    ]
    done = [shown.done for shown in reports]
    assert done == sorted(done)
    assert (done[-2], done[-1]) == (7, 7)
    assert {shown.total for shown in reports} == {7}


def test_what_is_not_measured_again_is_skipped() -> None:
    reports: list[Progress] = []
    steps = Steps(10, reports.append)
    steps.skip_to(6)
    steps.begin("glimpse", "third", 4)
    steps.step()
    assert [(one.model, one.done) for one in reports] == [("glimpse", 6), ("glimpse", 7)]


def test_a_run_that_makes_more_steps_than_planned_says_so() -> None:
    reports: list[Progress] = []
    steps = Steps(4, reports.append)
    steps.begin("glimpse", "first", 4)
    steps.skip_to(4)
    assert steps.planned == 4
    steps.extend(2)
    steps.begin("glimpse", "first once more", 2)
    steps.step()
    assert [(one.done, one.total) for one in reports] == [(0, 4), (4, 6), (5, 6)]


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


def test_samples_so_far_against_those_that_are_needed() -> None:
    reports: list[Progress] = []
    steps = Steps(5, reports.append, "quick")
    steps.begin("glimpse", "image questions", 2)
    for _ in range(3):
        steps.step()
    steps.begin("glimpse", "conversations", 3)
    assert {one.suite for one in reports} == {"quick"}
    assert [(one.doing, one.asked, one.needed) for one in reports] == [
        ("image questions", 0, 2),
        ("image questions", 1, 2),
        ("image questions", 2, 2),
        ("image questions", 2, 2),
        ("conversations", 0, 3),
    ]


def run_of(steps: Steps, clock: Clock, count: int, step_s: float) -> None:
    steps.begin("glimpse", f"{step_s}", count)
    for _ in range(count):
        clock.now_s += step_s
        steps.step()


def test_the_time_left_is_told_when_enough_is_known_and_at_the_latest_speed() -> None:
    reports: list[Progress] = []
    clock = Clock()
    steps = Steps(120, reports.append, clock=clock)
    run_of(steps, clock, 20, 0.1)
    assert [one.left_s for one in reports[:LEAST_STEPS]] == [None] * LEAST_STEPS
    assert reports[-1].left_s == pytest.approx(100 * 0.1)
    run_of(steps, clock, 20, 1.0)
    assert reports[-1].left_s == pytest.approx(80 * 1.0), "the fast beginning no longer counts"
    run_of(steps, clock, 80, 1.0)
    assert reports[-1].left_s == 0


def test_a_phase_that_ends_early_makes_the_rest_shorter() -> None:
    reports: list[Progress] = []
    clock = Clock()
    steps = Steps(40, reports.append, clock=clock)
    steps.begin("glimpse", "slow", 20)
    for _ in range(10):
        clock.now_s += 2.0
        steps.step()
    steps.begin("glimpse", "next", 20)
    assert reports[-1].left_s == pytest.approx(20.0), "a phase of 20 steps took 20 s"


def test_what_was_measured_before_an_interruption_is_no_measure_of_the_speed() -> None:
    reports: list[Progress] = []
    clock = Clock()
    steps = Steps(1000, reports.append, clock=clock)
    steps.skip_to(900)
    run_of(steps, clock, 50, 1.0)
    assert reports[-1].left_s == pytest.approx(50.0)


def test_a_run_with_a_budget_lasts_until_that_is_spent() -> None:
    """However many rounds it has: they are reported as they come."""
    reports: list[Progress] = []
    clock = Clock()
    steps = Steps(10, reports.append, most_s=lambda: 160.0 - clock.now_s, clock=clock)
    run_of(steps, clock, 10, 1.0)
    steps.extend(20)
    run_of(steps, clock, 20, 1.0)
    assert (reports[-1].done, reports[-1].total) == (30, 30)
    assert [reports[0].left_s, reports[-1].left_s] == [60.0, 30.0]
