"""Who may be connected, without a network."""

from dataclasses import dataclass

import pytest

from viewfinder.gateway.door import DESCRIPTORS_KEPT, SURPLUS, Door, address_of

PLENTY = 100_000


@dataclass(eq=False)
class Guest:
    busy: int = 0
    has_gone: bool = False

    def make_room(self) -> None:
        self.has_gone = True


def enter(door: Door, busy: int, host: str | None = "127.0.0.1") -> Guest:
    guest = Guest(busy)
    assert door.enter(guest, host)
    return guest


def test_the_least_busy_goes_first_and_of_equals_the_oldest() -> None:
    door = Door(5, 5, PLENTY)
    answering, arriving, kept, first, second = (enter(door, busy) for busy in (3, 2, 1, 0, 0))
    for goes in (first, second, kept, arriving):
        enter(door, 3)
        assert goes.has_gone
    assert not door.enter(Guest(), "127.0.0.1")
    assert not answering.has_gone


def test_one_address_cannot_take_the_places_of_others() -> None:
    door = Door(10, 4, PLENTY)
    neighbours = [enter(door, 3, "10.0.0.1") for _ in range(4)]
    assert not door.enter(Guest(), "10.0.0.1")
    enter(door, 3, "10.0.0.2")
    door.leave(neighbours[0])
    enter(door, 3, "10.0.0.1")


def test_the_address_with_the_most_makes_room_for_another() -> None:
    door = Door(4, 4, PLENTY)
    crowd = [enter(door, 0, "10.0.0.1") for _ in range(3)]
    alone = enter(door, 0, "10.0.0.2")
    enter(door, 0, "10.0.0.3")
    assert [guest.has_gone for guest in crowd] == [True, False, False]
    assert not alone.has_gone


def test_a_unix_socket_has_no_address() -> None:
    door = Door(3, 1, PLENTY)
    for _ in range(3):
        enter(door, 3, None)
    assert not door.enter(Guest(), None)


def test_few_descriptors_are_few_connections() -> None:
    assert Door(1000, 500, DESCRIPTORS_KEPT + 64).most == 32
    assert Door(1000, 500, 16).most == 1
    assert Door(1000, 500, PLENTY).most_per_address == 500


def test_the_numbers_may_change() -> None:
    """Nobody who is inside is sent out for it."""
    door = Door(4, 4, PLENTY)
    enter(door, 3)
    door.limit(1, 1)
    assert not door.enter(Guest(), "127.0.0.1")
    door.limit(PLENTY, PLENTY)
    assert door.most == (PLENTY - DESCRIPTORS_KEPT) // 2
    assert door.enter(Guest(), "127.0.0.1")


def test_the_surplus_is_bounded() -> None:
    door = Door(1, 1, PLENTY)
    enter(door, 3)
    surplus = [Guest() for _ in range(SURPLUS + 1)]
    for guest in surplus:
        assert not door.is_crowded
        assert not door.enter(guest, "127.0.0.1")
    assert door.is_crowded
    for guest in surplus:
        door.leave(guest)
    assert not door.is_crowded


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        (None, ""),
        ("a name", "a name"),
    ],
)
def test_what_counts_as_one_address(host: str | None, address: str) -> None:
    assert address_of(host) == address
