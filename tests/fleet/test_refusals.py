"""Who is turned away, with which words, and when they may come again."""

from types import SimpleNamespace
from typing import Any

import pytest

from viewfinder.core.config import FleetSettings
from viewfinder.core.errors import EngineDied
from viewfinder.fleet.refusals import failed, memory_short, queue_full, stopping, unloaded

SETTINGS = FleetSettings(queue_per_model=3, queue=5)


def entry(request_s: float = 4.0, slots: int | None = 2) -> Any:
    return SimpleNamespace(
        card=SimpleNamespace(name="a"),
        server=SimpleNamespace(slots=slots),
        vitals=SimpleNamespace(request_s=request_s, need_bytes=1_700_000_000),
    )


@pytest.mark.parametrize(
    ("waiting", "waiting_for_all", "code"),
    [(0, 0, ""), (2, 4, ""), (3, 3, "queue_full"), (3, 5, "queue_full"), (0, 5, "overloaded")],
)
def test_the_queue_has_an_end_for_each_model_and_for_all(
    waiting: int, waiting_for_all: int, code: str
) -> None:
    refusal = queue_full(entry(), waiting, waiting_for_all, SETTINGS)
    assert (refusal.reason if refusal else "") == code


@pytest.mark.parametrize(
    ("request_s", "slots", "retry_after_s"), [(4.0, 2, 8), (0.01, 2, 1), (4.0, None, 16), (1.3, 1, 6)]
)
def test_they_may_come_again_when_those_before_them_are_served(
    request_s: float, slots: int | None, retry_after_s: int
) -> None:
    refusal = queue_full(entry(request_s, slots), 3, 3, SETTINGS)
    assert refusal is not None
    assert refusal.retry_after_s == retry_after_s


def test_every_refusal_has_its_code_and_says_what_mends_it() -> None:
    died = EngineDied("It exited with code 3.")
    refusals = [failed(entry(), died), memory_short(entry(), 10**9), stopping(), unloaded(entry())]
    codes = ["model_failed", "memory_short", "stopping", "unloading"]
    assert [refusal.reason for refusal in refusals] == codes
    assert all(refusal.hint for refusal in refusals)
    assert "exited with code 3" in str(refusals[0])
    assert "viewfinder load a" in refusals[0].hint
    assert "needs about 1.70 GB" in refusals[1].message
    assert "budget of 1.00 GB" in refusals[1].message
