"""Every refusal is counted; what strangers can cause without end is few events."""

from collections.abc import Callable
from typing import Any

from viewfinder.core.seldom import MINUTE_S
from viewfinder.fleet.record.refusals import PEERS, Refusals


class Minutes:
    """The timers of the refusals, and the events that they emit."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.calls: list[Callable[[], None]] = []
        self.refusals = Refusals(self._emit, self._later)

    def _emit(self, kind: str, model: str, **details: Any) -> None:
        assert kind == "refused"
        self.events.append({"model": model, **details})

    def _later(self, delay_s: float, call: Callable[[], None]) -> None:
        assert delay_s == MINUTE_S
        self.calls.append(call)

    def end(self) -> list[dict[str, Any]]:
        """The events at the end of this minute."""
        before, calls, self.calls = len(self.events), self.calls, []
        for call in calls:
            call()
        return self.events[before:]


def test_the_first_is_an_event_at_once_and_those_of_a_minute_are_one() -> None:
    minutes = Minutes()
    minutes.refusals.add("invalid_api_key", peer="192.0.2.1")
    assert minutes.events == [
        {"model": "", "code": "invalid_api_key", "count": 1, "peers": ["192.0.2.1"]},
    ]
    for number in range(999):
        minutes.refusals.add("invalid_api_key", peer=f"192.0.2.{number % 3}")
    assert len(minutes.events) == 1
    (event,) = minutes.end()
    assert (event["count"], event["within_s"]) == (999, MINUTE_S)
    assert {*event["peers"]} == {"192.0.2.0", "192.0.2.1", "192.0.2.2"}
    minutes.refusals.add("invalid_api_key")
    assert len(minutes.events) == 2  # this minute has had its event
    assert [event["count"] for event in minutes.end()] == [1]
    assert minutes.end() == []
    minutes.refusals.add("invalid_api_key")
    assert len(minutes.events) == 4


def test_kinds_are_counted_apart_and_nothing_grows_with_strangers() -> None:
    minutes = Minutes()
    for number in range(3000):
        minutes.refusals.add("host_not_allowed", peer=f"10.0.{number // 250}.{number % 250}")
        minutes.refusals.add("queue_full", "glimpse")
    assert len(minutes.events) == 2
    host, queue = minutes.end()
    assert (host["code"], host["count"], len(host["peers"])) == ("host_not_allowed", 2999, PEERS)
    assert (queue["model"], queue["count"], queue["peers"]) == ("glimpse", 2999, [])


def test_listeners_hear_of_each() -> None:
    minutes = Minutes()
    heard = []
    minutes.refusals.listen(lambda code, model: heard.append((code, model)))
    for _ in range(3):
        minutes.refusals.add("queue_full", "glimpse")
    assert heard == [("queue_full", "glimpse")] * 3


def test_at_the_end_the_rest_is_reported() -> None:
    minutes = Minutes()
    for _ in range(5):
        minutes.refusals.add("queue_full", "glimpse")
    minutes.refusals.flush()
    assert [event["count"] for event in minutes.events] == [1, 4]
    minutes.refusals.flush()
    assert len(minutes.events) == 2
