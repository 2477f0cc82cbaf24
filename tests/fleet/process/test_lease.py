"""What a lease keeps of its request, and how it is taken away."""

from types import SimpleNamespace
from typing import Any

import pytest

from viewfinder.core.errors import Busy, EngineStalled
from viewfinder.fleet.process.lease import Lease
from viewfinder.fleet.process.slot_table import PromptPiece, PromptPieces, SlotTable
from viewfinder.fleet.record.request_shape import RequestShape

PROMPT = (PromptPiece(1, 30),)


class Owner:
    """Stands for the fleet."""

    def __init__(self) -> None:
        self.given_back: list[Lease] = []
        self.reported: list[Any] = []
        self.answers: list[str] = []
        client = SimpleNamespace(for_lease=lambda shape: client, answered=lambda answer_id: None)
        server: Any = SimpleNamespace(client=client)

        async def report(*what: Any) -> None:
            self.reported.append(what)

        self.lease = Lease(
            server,
            RequestShape(),
            give_back=self.given_back.append,
            report=report,
            answered=self.answers.append,
        )


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    now = SimpleNamespace(s=100.0)
    monkeypatch.setattr("viewfinder.fleet.process.lease.time", SimpleNamespace(monotonic=lambda: now.s))
    return now


def test_the_first_word_and_the_longest_gap_are_kept(clock: SimpleNamespace) -> None:
    lease = Owner().lease
    assert (lease.granted_s, lease.first_chunk_s, lease.chunks) == (100, None, 0)
    for clock.s in (103, 104, 109, 110):
        lease.chunk_arrived()
    assert (lease.first_chunk_s, lease.longest_gap_s, lease.last_chunk_s, lease.chunks) == (103, 5, 110, 4)


def test_the_silence_begins_when_the_client_has_taken_what_was_said(clock: SimpleNamespace) -> None:
    lease = Owner().lease
    lease.chunk_arrived()
    lease.begin_delivery()
    assert lease.is_delivering
    clock.s = 500
    lease.end_delivery()
    assert (lease.is_delivering, lease.last_chunk_s) == (False, 500)
    clock.s = 501
    lease.chunk_arrived()
    assert lease.longest_gap_s == 1


def test_the_first_reason_to_revoke_it_stays() -> None:
    lease = Owner().lease
    lease.check()
    lease.revoke(EngineStalled("It made no progress."))
    lease.revoke(Busy("It is being unloaded."))
    with pytest.raises(EngineStalled):
        lease.check()


async def test_it_is_given_back_whatever_happens() -> None:
    owner = Owner()
    error = EngineStalled("It made no progress.")
    lease = owner.lease

    async def use() -> None:
        async with lease:
            await lease.report(error)
            lease.answered("chatcmpl-1")
            raise error

    with pytest.raises(EngineStalled):
        await use()
    assert owner.given_back == [lease]
    assert (owner.reported, owner.answers) == ([(lease, error)], ["chatcmpl-1"])
    assert lease.client is owner.lease.client


def test_no_slot_is_lost_when_requests_are_sent_ahead() -> None:
    """One that was sent ahead had a slot already, where another's was not known; then it got a second one."""
    table = SlotTable(2)

    def lease(*, is_ahead: bool, prompt: PromptPieces = PROMPT) -> Lease:
        async def report(*_: Any) -> None: ...

        owner: Any = SimpleNamespace(client=SimpleNamespace(for_lease=lambda _: None))
        calls: Any = {"give_back": print, "report": report, "answered": print}
        return Lease(owner, RequestShape(), is_ahead=is_ahead, slots=table, prompt=prompt, **calls)

    known, unknown = lease(is_ahead=False), lease(is_ahead=False, prompt=())
    ahead = lease(is_ahead=True)
    assert (known.slot is None, unknown.slot, ahead.slot) == (False, None, None)
    known.end()
    ahead.begin(known.slot)
    assert ahead.slot == known.slot
    for one in (unknown, ahead):
        one.end()
    assert not any(slot.is_taken for slot in table._slots)
