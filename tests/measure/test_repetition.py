"""Which processes are measured once more, and which of the two measurements counts."""

from typing import Any

import pytest

from tests.measure.made_up import exchange
from viewfinder.measure.measures import latency, throughput
from viewfinder.measure.measures.registry import AnyMeasure
from viewfinder.measure.plan import FIRST_PROCESS, plan, second_measurements
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.repetition import TimedProcess, count, disturbed
from viewfinder.measure.store.rows import ProcessOutcome, Sample

QUIET, BUSY = ProcessOutcome(foreign_s=0.1, available_s=10.0), ProcessOutcome(foreign_s=4.0, available_s=10.0)
LOAD = "other programs used 40 % of the processors while requests were timed"


def warming(factor: float, *, requests: int = 24, scenario: str = "images") -> list[Sample]:
    """Requests that take steadily longer, up to `factor` times as long."""
    steps = [1 + (factor - 1) * number / (requests - 1) for number in range(requests)]
    return [
        Sample("r", "m", 1, scenario, "?", exchange(0.1 * step), place=place)
        for place, step in enumerate(steps)
    ]


def log(outcome: ProcessOutcome = QUIET, **more: Any) -> ProcessLog:
    fields: dict[str, Any] = {"number": 1, "samples": [], "outcome": outcome}
    return ProcessLog(**(fields | more))


def timed_process(log: ProcessLog) -> TimedProcess:
    measure: AnyMeasure = throughput.MEASURE if log.measure else latency.MEASURE
    return TimedProcess(log, measure.disturbed(log))


def timed(**logs: ProcessLog) -> dict[int, TimedProcess]:
    """By number: `p3=log()` is process 3."""
    return {int(name[1:]): timed_process(one) for name, one in logs.items()}


def test_quiet_processes_all_count() -> None:
    processes = timed(p1=log(), p2=log(), p3=log())
    assert disturbed(processes) == []
    found = count(processes)
    assert (found.numbers, found.set_aside, found.notes) == ((1, 2, 3), (), ())


def test_the_second_measurement_counts_in_the_place_of_a_disturbed_one() -> None:
    processes = timed(p1=log(), p2=log(BUSY), p3=log())
    assert disturbed(processes) == [2]
    found = count(processes | timed(p13=log(repeats=2)))
    assert (found.numbers, found.set_aside) == ((1, 3, 13), (2,))
    assert found.notes == (
        f"Timed process 2 was disturbed ({LOAD}) and measured once more after the others; the second "
        "measurement counts.",
    )


def test_a_second_measurement_that_was_disturbed_too_does_not_count() -> None:
    """However fast it was: the choice is not made by the times."""
    found = count(timed(p1=log(BUSY, samples=warming(1)), p11=log(BUSY, repeats=1)))
    assert (found.numbers, found.set_aside) == ((1,), (11,))
    assert found.notes[0].endswith(
        "measured once more, which was disturbed, too; the first measurement counts."
    )
    assert disturbed(timed(p11=log(BUSY, repeats=1))) == [], "nothing is measured a third time"


def test_processes_not_measured_once_more_are_reported() -> None:
    found = count(timed(p1=log(BUSY)))
    assert (found.numbers, found.set_aside) == ((1,), ())
    assert found.notes == (f"Timed process 1 was disturbed ({LOAD}) and not measured once more.",)
    found = count(timed(p1=log(BUSY), p2=log(BUSY)))
    assert found.notes == (
        f"Timed processes 1, 2 were disturbed (the first: {LOAD}) and not measured once more.",
    )


def test_a_measures_own_process_is_named_by_its_place_among_them() -> None:
    """That its requests get slower is no drift: it is asked more and more of them at once."""
    processes = timed(
        p1=log(BUSY),
        p8=log(samples=warming(3), measure="throughput"),
        p9=log(BUSY, measure="throughput", nth=1),
    )
    assert disturbed(processes) == [1, 9]
    found = count(processes | timed(p21=log(repeats=9, measure="throughput", nth=1)))
    assert (found.numbers, found.set_aside) == ((1, 8, 21), (9,))
    assert found.notes == (
        f"Timed process 1 was disturbed ({LOAD}) and not measured once more.",
        f"Process 2 of 'throughput' was disturbed ({LOAD}) and measured once more after the "
        "others; the second measurement counts.",
    )


@pytest.mark.parametrize("scenario", ["images", "texts"])
def test_a_process_that_gets_slower_and_slower_is_thermal_drift(scenario: str) -> None:
    process = timed_process(log(samples=warming(1.5, scenario=scenario)))
    assert process.disturbed == "its requests became 1.32 times as slow as at first (thermal drift)"
    assert disturbed({1: process}) == [1]


def test_a_little_slower_faster_or_a_single_outlier_is_none() -> None:
    assert timed_process(log(samples=warming(1.1))).disturbed == ""
    assert timed_process(log(samples=warming(0.6))).disturbed == "", (
        "the first requests may well be the slow ones"
    )
    assert timed_process(log(samples=warming(1.5, requests=9))).disturbed == "", "too few to see a trend"
    times = [0.1] * 23 + [9.0]
    slow_one = [Sample("r", "m", 1, "images", "?", exchange(time)) for time in times]
    assert timed_process(log(samples=slow_one)).disturbed == ""


def test_second_measurements_come_in_the_plans_order_with_numbers_of_their_own() -> None:
    planned = plan(["a", "b"], 5, 3, "gates", [("soak", 1)])
    again = second_measurements(planned, {"a": [4, 2, 5], "b": [2]}, most=2)
    assert sorted((one.model, one.repeats, one.number) for one in again) == [
        ("a", 2, 8),
        ("a", 4, 10),
        ("b", 2, 8),
    ]
    assert [one.repeats for one in again] == [2, 2, 4]
    numbers = {one.number for one in planned}
    assert not numbers & {one.number for one in again}
    assert second_measurements(planned, {"a": [4]}, most=0) == []
    [own] = second_measurements(planned, {"a": [FIRST_PROCESS, 6]}, most=9)
    assert (own.measure, own.repeats) == ("soak", 6)
    assert second_measurements([], {}, most=9) == []
