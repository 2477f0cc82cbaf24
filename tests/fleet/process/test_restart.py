"""When a process that died is started again."""

import random
import signal

import pytest

from viewfinder.fleet.process.restart import Death, RestartPolicy, in_a_row, restart_after_s

KEEPS_UP = RestartPolicy(deaths=100, revives=True)


def after(*deaths: Death, policy: RestartPolicy = KEEPS_UP, seed: int = 0) -> float | None:
    return restart_after_s(deaths, policy, random.Random(seed))


def test_the_first_death_of_a_ready_process_is_mended_at_once() -> None:
    assert after(Death(0, up_s=3)) == 0


def test_those_that_follow_wait_twice_as_long_each_and_never_much_more_than_half_a_minute() -> None:
    deaths = tuple(Death(200.0 * number, up_s=1) for number in range(9))
    waits = [after(*deaths[: count + 1]) or 0.0 for count in range(9)]
    for wait_s, least_s in zip(waits, [0, 1, 2, 4, 8, 16, 30, 30, 30], strict=True):
        assert least_s <= wait_s <= 1.25 * least_s


def test_a_start_that_fails_is_not_tried_again_at_once() -> None:
    assert 1 <= (after(Death(0, up_s=None)) or 0) <= 1.25


def test_jitter_keeps_two_that_died_together_apart() -> None:
    death = Death(0, up_s=None)
    assert after(death, seed=1) != after(death, seed=2)


def test_the_fifth_death_within_a_minute_is_the_last() -> None:
    policy = RestartPolicy(deaths=5, within_s=60, revives=True)
    deaths = [Death(10.0 * number, up_s=1) for number in range(5)]
    assert after(*deaths[:4], policy=policy) is not None
    assert after(*deaths, policy=policy) is None
    assert after(*deaths[:4], Death(61, up_s=1), policy=policy) is not None


def test_who_was_up_for_ten_seconds_begins_a_new_row() -> None:
    policy = RestartPolicy(deaths=3, revives=True)
    deaths = (Death(0, up_s=1), Death(2, up_s=1), Death(14, up_s=10))
    assert in_a_row(deaths, policy) == deaths[2:]
    assert after(*deaths, policy=policy) == 0


@pytest.mark.parametrize("number", [signal.SIGILL, signal.SIGSYS])
def test_what_this_processor_cannot_do_is_not_tried_again(number: int) -> None:
    assert after(Death(0, up_s=None, signal=number)) is None


def test_without_reviving_a_start_is_tried_again_and_a_death_is_the_end() -> None:
    policy = RestartPolicy(deaths=2)
    assert after(Death(0, up_s=None), policy=policy) is not None
    assert after(Death(0, up_s=None), Death(2, up_s=None), policy=policy) is None
    assert after(Death(0, up_s=5), policy=policy) is None
