"""What requests may hold together, and who is cut off when that is too much."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from viewfinder.core.errors import Busy
from viewfinder.gateway.holdings import Holding, Holdings, holding_of

MIB = 2**20
HUNDRED = 100 * MIB


class Requests:
    """Makes holdings, which end with the test."""

    def __init__(self, most_bytes: int, stack: ExitStack) -> None:
        self.holdings = Holdings(most_bytes)
        self.stack = stack

    def one(self, client: str = "ann", size_bytes: int = 0, *, arriving: bool = True) -> Holding:
        scope: dict[str, Any] = {}
        holding = self.stack.enter_context(self.holdings.one(client, scope))
        assert holding_of(scope) is holding
        if arriving:
            holding.arrives_within(asyncio.timeout(60))
        holding.grow(size_bytes)
        return holding


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Iterator[Requests]:
    monkeypatch.setattr(asyncio.Timeout, "reschedule", lambda self, when: None)
    with ExitStack() as stack:
        yield Requests(HUNDRED, stack)


async def test_requests_hold_as_much_as_fits(requests: Requests) -> None:
    for _ in range(10):
        requests.one(size_bytes=10 * MIB)
    assert requests.holdings.total_bytes == HUNDRED
    assert not any(one.was_cut_off for one in requests.holdings._all)


async def test_one_that_is_alone_may_hold_any_size(requests: Requests) -> None:
    assert requests.one(size_bytes=5 * HUNDRED).size_bytes == 5 * HUNDRED


async def test_the_largest_body_that_arrives_is_cut_off(requests: Requests) -> None:
    large, small = requests.one(size_bytes=60 * MIB), requests.one(size_bytes=30 * MIB)
    other = requests.one(size_bytes=20 * MIB)
    assert (large.was_cut_off, small.was_cut_off, other.was_cut_off) == (True, False, False)
    assert requests.holdings.total_bytes == 50 * MIB
    with pytest.raises(Busy) as caught:
        large.grow(1)
    assert (caught.value.reason, caught.value.retry_after_s) == ("overloaded", 2.0)


async def test_the_client_that_holds_most_is_cut_off_first(requests: Requests) -> None:
    theirs = [requests.one("bob", 24 * MIB) for _ in range(3)]
    mine = requests.one("ann", 28 * MIB)
    requests.one("cid", 5 * MIB)
    assert [one.was_cut_off for one in theirs].count(True) == 1
    assert not mine.was_cut_off


async def test_the_one_that_would_hold_most_is_refused_itself(requests: Requests) -> None:
    requests.one("ann", 30 * MIB)
    growing = requests.one("bob", 60 * MIB)
    with pytest.raises(Busy):
        growing.grow(20 * MIB)


async def test_requests_that_have_arrived_are_not_cut_off(requests: Requests) -> None:
    kept = [requests.one(size_bytes=50 * MIB, arriving=False) for _ in range(2)]
    with pytest.raises(Busy):
        requests.one("bob", 2 * MIB)
    assert not any(one.was_cut_off for one in kept)


async def test_small_requests_have_room_that_large_ones_do_not(requests: Requests) -> None:
    for _ in range(2):
        requests.one(size_bytes=50 * MIB, arriving=False)
    for _ in range(25):
        requests.one("bob", MIB)
    with pytest.raises(Busy):
        requests.one("bob", MIB)


async def test_what_becomes_less_makes_room(requests: Requests) -> None:
    first = requests.one(size_bytes=90 * MIB, arriving=False)
    first.become(10 * MIB)
    requests.one(size_bytes=90 * MIB, arriving=False)
    assert requests.holdings.total_bytes == HUNDRED


async def test_nothing_is_held_after_the_end() -> None:
    holdings = Holdings(HUNDRED)
    with holdings.one("ann", {}) as holding:
        holding.grow(5)
        assert holdings.total_bytes == 5
    assert holdings.total_bytes == 0


async def test_a_body_that_is_cut_off_ends_at_once() -> None:
    holdings = Holdings(HUNDRED)

    async def arrive(slow: Holding) -> None:
        async with asyncio.timeout(60) as timeout:
            slow.arrives_within(timeout)
            slow.grow(80 * MIB)
            await asyncio.sleep(60)

    with holdings.one("ann", {}) as slow, holdings.one("bob", {}) as other:
        arriving = asyncio.create_task(arrive(slow))
        await asyncio.sleep(0)
        other.grow(60 * MIB)
        with pytest.raises(TimeoutError):
            await arriving
        assert slow.was_cut_off
        assert holdings.total_bytes == 60 * MIB
