"""One line of log a minute for each message."""

import logging

import pytest

from viewfinder.core.seldom import KEPT_MESSAGES, Seldom


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def lines(seldom: Seldom, *messages: tuple[str, object]) -> list[str]:
    records = [
        logging.LogRecord("x", logging.WARNING, "", 0, text, (value,), None) for text, value in messages
    ]
    return [record.getMessage() for record in records if seldom.filter(record)]


def test_the_same_message_comes_once_a_minute_whatever_its_values(clock: Clock) -> None:
    seldom = Seldom(clock=clock)
    assert lines(seldom, ("full: %s", 1), ("full: %s", 2), ("other: %s", 3), ("full: %s", 4)) == [
        "full: 1",
        "other: 3",
    ]
    clock.now_s = 60
    assert lines(seldom, ("full: %s", 5), ("full: %s", 6)) == [
        "full: 5 (2 more of these since the last line)"
    ]
    clock.now_s = 119.9
    assert lines(seldom, ("full: %s", 7)) == []


def test_values_in_later_lines_make_no_other_message(clock: Clock) -> None:
    """asyncio writes the socket, which has other numbers each time, in a second line."""
    seldom = Seldom(clock=clock)
    assert len(lines(seldom, ("no accept\nsocket: 1 %s", 1), ("no accept\nsocket: 2 %s", 1))) == 1


def test_it_remembers_a_bounded_number_of_messages(clock: Clock) -> None:
    seldom = Seldom(clock=clock)
    assert (
        len(lines(seldom, *((f"message {at} %s", 1) for at in range(3 * KEPT_MESSAGES)))) == 3 * KEPT_MESSAGES
    )
    assert len(seldom._seen) == KEPT_MESSAGES
