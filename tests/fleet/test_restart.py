"""When a failed start is tried again."""

import random

from viewfinder.fleet.restart import LONGEST_S, delay_s, is_worth_trying


def test_the_wait_doubles_up_to_its_cap() -> None:
    rng = random.Random(1)
    for failures, least in enumerate((1, 2, 4, 8, 16, 30, 30), start=1):
        assert least <= delay_s(failures, rng) <= LONGEST_S * 1.25


def test_two_waits_differ_so_that_two_machines_do_not_march_in_step() -> None:
    rng = random.Random(1)
    assert delay_s(3, rng) != delay_s(3, rng)


def test_what_cannot_get_better_is_not_tried_again() -> None:
    assert is_worth_trying(None, 1, 3)
    assert is_worth_trying(9, 2, 3)
    assert not is_worth_trying(9, 3, 3)
    assert not is_worth_trying(4, 1, 3)
