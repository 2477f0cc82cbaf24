"""Which restarts are measured once more, and which of the two counts."""

import pytest

from tests.measure.made_up import exchange, timed
from viewfinder.measure.plan import GATES, plan, second_measurements
from viewfinder.measure.repetition import Restart, count, disturbed
from viewfinder.measure.store.outcome import ProcessOutcome
from viewfinder.measure.store.rows import Sample

QUIET, BUSY = ProcessOutcome(foreign_s=0.1, available_s=10.0), ProcessOutcome(foreign_s=4.0, available_s=10.0)
LOAD = "other programs used 40 % of the processors while requests were timed"


def warming(factor: float, *, requests: int = 24, scenario: str = "images") -> list[Sample]:
    """Requests that take steadily longer, up to so many times as long."""
    steps = [1 + (factor - 1) * number / (requests - 1) for number in range(requests)]
    return [
        Sample("r", "m", 1, scenario, "?", exchange(0.1 * step), place=place)
        for place, step in enumerate(steps)
    ]


def test_quiet_restarts_all_count() -> None:
    restarts = {number: Restart(QUIET, timed([0.1] * 3)) for number in (1, 2, 3)}
    assert disturbed(restarts) == []
    assert (count(restarts).counted, count(restarts).set_aside, count(restarts).notes) == ((1, 2, 3), (), ())


def test_the_second_measurement_counts_in_the_place_of_a_disturbed_one() -> None:
    restarts = {1: Restart(QUIET, []), 2: Restart(BUSY, []), 3: Restart(QUIET, [])}
    assert disturbed(restarts) == [2]
    found = count(restarts | {13: Restart(QUIET, [], again=2)})
    assert (found.counted, found.set_aside) == ((1, 3, 13), (2,))
    assert found.notes == (
        f"Timed start 2 was disturbed ({LOAD}) and measured once more after the others; the second "
        "measurement counts.",
    )


def test_a_second_measurement_that_was_disturbed_too_does_not_count() -> None:
    """However quick it was: what counts is not chosen by the times."""
    found = count({1: Restart(BUSY, timed([0.9])), 11: Restart(BUSY, timed([0.1]), again=1)})
    assert (found.counted, found.set_aside) == ((1,), (11,))
    assert found.notes[0].endswith(
        "measured once more, which was disturbed, too; the first measurement counts."
    )
    assert disturbed({11: Restart(BUSY, [], again=1)}) == [], "nothing is measured a third time"


def test_what_was_not_measured_once_more_is_told() -> None:
    found = count({1: Restart(BUSY, [])})
    assert (found.counted, found.set_aside) == ((1,), ())
    assert found.notes == (f"Timed start 1 was disturbed ({LOAD}) and not measured once more.",)
    found = count({1: Restart(BUSY, []), 2: Restart(BUSY, [])})
    assert found.notes == (
        f"Timed starts 1, 2 were disturbed (the first: {LOAD}) and not measured once more.",
    )


def test_a_process_of_a_stage_is_told_by_its_place_in_it() -> None:
    """That its requests get slower is no drift: it is asked more and more of them at once."""
    restarts = {
        1: Restart(BUSY, []),
        8: Restart(QUIET, warming(3), stage="throughput"),
        9: Restart(BUSY, [], stage="throughput", part=1),
    }
    assert disturbed(restarts) == [1, 9]
    found = count(restarts | {21: Restart(QUIET, [], again=9, stage="throughput", part=1)})
    assert (found.counted, found.set_aside) == ((1, 8, 21), (9,))
    assert found.notes == (
        f"Timed start 1 was disturbed ({LOAD}) and not measured once more.",
        f"Process 2 of the scenario 'throughput' was disturbed ({LOAD}) and measured once more after the "
        "others; the second measurement counts.",
    )


@pytest.mark.parametrize("scenario", ["images", "texts"])
def test_a_process_that_gets_slower_and_slower_is_thermal_drift(scenario: str) -> None:
    restart = Restart(QUIET, warming(1.5, scenario=scenario))
    assert restart.disturbed == "its requests became 1.32 times as slow as at first (thermal drift)"
    assert disturbed({1: restart}) == [1]


def test_a_little_slower_quicker_or_a_single_outlier_is_none() -> None:
    assert Restart(QUIET, warming(1.1)).disturbed == ""
    assert Restart(QUIET, warming(0.6)).disturbed == "", "the first requests may well be the slow ones"
    assert Restart(QUIET, warming(1.5, requests=9)).disturbed == "", "too few to see a trend"
    times = [0.1] * 23 + [9.0]
    asked = [Sample("r", "m", 1, "images", "?", exchange(time)) for time in times]
    assert Restart(QUIET, asked).disturbed == ""


def test_second_measurements_come_in_the_plans_order_with_numbers_of_their_own() -> None:
    turns = plan(["a", "b"], ("images", "texts"), 5, seed=3, stages=[("soak", 1)])
    again = second_measurements(turns, {"a": [4, 2, 5], "b": [2]}, most=2)
    assert sorted((turn.model, turn.again, turn.block) for turn in again) == [
        ("a", 2, 8),
        ("a", 4, 10),
        ("b", 2, 8),
    ]
    assert [turn.again for turn in again] == [2, 2, 4]
    numbers = {turn.block for turn in turns}
    assert not numbers & {turn.block for turn in again}
    for turn in again:
        [first] = [one for one in turns if (one.block, one.model) == (turn.again, turn.model)]
        assert turn.cells == first.cells
    assert second_measurements(turns, {"a": [4]}, most=0) == []
    [staged] = second_measurements(turns, {"a": [GATES, 6]}, most=9)
    assert (staged.stage, staged.again) == ("soak", 6)
    assert second_measurements([], {}, most=9) == []
