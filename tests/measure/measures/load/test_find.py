"""From the stamps of fresh starts to load times."""

import pytest

from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.load.find import load_times


def start(ready_s: float, first_token_s: float, first_correct_s: float | None) -> dict[str, float]:
    """The stamps of one start; without an answer that is right (None) it has no last one."""
    stamps = {"listening_s": 0.4, "ready_s": ready_s, "first_token_s": first_token_s}
    return stamps if first_correct_s is None else {**stamps, "first_correct_s": first_correct_s}


def figure(measured: Measured) -> Figure:
    assert isinstance(measured, Figure), measured
    return measured


def reason(measured: Measured) -> str:
    assert isinstance(measured, Missing), measured
    return measured.missing


def test_load_times_are_those_typical_of_the_starts() -> None:
    starts = [start(ready, ready + 0.5, ready + 1.0) for ready in (3.0, 1.0, 2.0, 5.0, 4.0, 7.0, 6.0)]
    times = load_times(starts, vision=True)
    assert figure(times.ready).value == pytest.approx(5040 ** (1 / 7))
    assert 1.0 < figure(times.ready).low < 2.0
    assert 6.0 < figure(times.ready).high < 7.0
    assert figure(times.first_correct).value > figure(times.first_token).value > figure(times.ready).value
    assert figure(times.listening).n == 7


def test_a_start_without_a_right_answer_is_not_left_out() -> None:
    times = load_times([start(1.0, 1.5, 2.0)] * 6 + [start(1.0, 1.5, None)], vision=True)
    assert (
        reason(times.first_correct) == "1 of 7 starts never reached the first correct answer about an image"
    )
    assert figure(times.first_token).value == 1.5
