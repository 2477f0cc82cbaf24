"""Whose turn it is in the queue."""

from types import SimpleNamespace
from typing import Any

import pytest

from viewfinder.fleet import queue as queue_module
from viewfinder.fleet.queue import ClientTurns, QueuedRequest, last_of_most
from viewfinder.fleet.record.request_shape import RequestShape


def queue_of(clients: str, model: str = "m") -> list[QueuedRequest]:
    entry: Any = SimpleNamespace(name=model)
    return [QueuedRequest(entry, RequestShape(), client=client) for client in clients]


def served(turns: ClientTurns, queue: list[QueuedRequest], number: int = 99) -> str:
    """The clients in the order in which they are granted one lease after the other."""
    clients = ""
    while queue and len(clients) < number:
        first = turns.order(queue)[0]
        queue.remove(first)
        turns.granted(first.client)
        clients += first.client
    return clients


def joining(turns: ClientTurns, clients: str) -> list[QueuedRequest]:
    for client in clients:
        turns.joined(client)
    return queue_of(clients)


@pytest.mark.parametrize(
    ("waiting", "order"),
    [("aaaa", "aaaa"), ("aaab", "abaa"), ("aaabbc", "abcaba"), ("abc", "abc"), ("baab", "baba")],
)
async def test_clients_take_turns(waiting: str, order: str) -> None:
    """A client with one request waited for all that another had sent before."""
    turns = ClientTurns()
    assert served(turns, joining(turns, waiting)) == order


async def test_a_client_that_comes_again_is_served_before_one_that_was_served_since() -> None:
    turns = ClientTurns()
    assert served(turns, joining(turns, "b")) == "b"
    flood = joining(turns, "aaaaa")
    assert served(turns, flood, 2) == "aa"
    assert served(turns, flood + joining(turns, "b")) == "baaa"


async def test_clients_without_end_keep_nobody_out() -> None:
    turns = ClientTurns()
    queue = joining(turns, "aa")
    for number in range(3):
        queue += joining(turns, chr(ord("b") + number))
    assert served(turns, queue, 1) == "a"
    for number in range(9):
        queue += joining(turns, chr(ord("k") + number))
    assert served(turns, queue).index("a") == 3


async def test_a_clients_first_request_to_another_model_does_not_wait_for_its_others() -> None:
    turns = ClientTurns()
    one, other = queue_of("aaa"), queue_of("a", "other")
    assert turns.order([*one, *other])[:2] == [one[0], other[0]]


async def test_few_clients_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue_module, "MOST_CLIENTS", 2)
    turns = ClientTurns()
    served(turns, joining(turns, "abc"))
    assert list(turns._since) == ["b", "c"]


@pytest.mark.parametrize(
    ("waiting", "client", "leaves"),
    [
        ("", "a", None),
        ("aaaa", "a", None),
        ("aaab", "c", 2),
        ("aaab", "b", 2),
        ("aabb", "b", None),
        ("ab", "c", None),
        ("abbcccab", "d", 7),
    ],
)
async def test_the_client_with_the_most_makes_room(waiting: str, client: str, leaves: int | None) -> None:
    """One client could fill the queue, and everybody else was told that it was full."""
    queue = queue_of(waiting)
    person = QueuedRequest(queue_of("x")[0].entry, RequestShape(), wants_lease=False)
    assert last_of_most([*queue, person], client) is (None if leaves is None else queue[leaves])
