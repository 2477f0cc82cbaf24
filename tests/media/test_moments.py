"""Which frames of a clip are shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewfinder.media.moments import by_change, by_time

TENTHS = [at / 10 for at in range(101)]


@pytest.mark.parametrize(
    ("count", "chosen"), [(1, [50]), (2, [0, 100]), (3, [0, 50, 100]), (5, [0, 25, 50, 75, 100])]
)
def test_by_time_they_lie_evenly_from_the_first_to_the_last(count: int, chosen: list[int]) -> None:
    assert by_time(TENTHS, count) == chosen


def test_by_time_it_is_time_that_counts_and_not_the_number() -> None:
    """A camera that makes no new frame while nothing moves."""
    times = [0.0, 0.1, 0.2, 0.3, 0.4, 5.0, 10.0]
    assert by_time(times, 3) == [0, 5, 6]


def test_by_change_each_scene_is_shown_from_its_first_frame() -> None:
    changes = [0.0] * 101
    changes[7] = changes[83] = 90.0
    assert by_change(TENTHS, changes, 4) == [0, 7, 83, 100]


def test_by_change_the_rest_lies_where_the_longest_time_is() -> None:
    changes = [0.0] * 101
    changes[20] = 90.0
    assert by_change(TENTHS, changes, 4) == [0, 20, 60, 100]


def test_by_change_the_noise_of_a_camera_is_no_change() -> None:
    assert by_change(TENTHS, [0.9] * 101, 3) == by_time(TENTHS, 3)


TIMES = st.lists(st.floats(0, 600, allow_nan=False), min_size=1, max_size=80, unique=True).map(sorted)


@given(TIMES, st.integers(1, 40), st.data())
def test_they_are_as_many_as_there_can_be_in_order_and_none_twice(
    times: list[float], count: int, data: st.DataObject
) -> None:
    changes = data.draw(st.lists(st.floats(0, 255), min_size=len(times), max_size=len(times)))
    for chosen in (by_time(times, count), by_change(times, changes, count)):
        assert chosen == sorted(set(chosen))
        assert len(chosen) == min(count, len(times))
        assert set(chosen) <= set(range(len(times)))
