"""An engine that computes and never answers: replaced after a bounded time, whether its client waits or left.

Issue 13, row 1: "it computes" was proof of life for ever. Alternatives of alternatives, let through by limits
that a user has raised, keep a real llama.cpp busy before its first word.
"""

import asyncio
import time
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.faults.conftest import until
from tests.faults.gateway import Gateway, gateway
from tests.hostile.schemas import HOSTILE
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.fleet.health import stall, watchdog

ENDLESS = {
    "type": "json_schema",
    "json_schema": {"name": "answer", "schema": HOSTILE["12 levels of 10 references"]},
}
QUESTION = "Say aaaaaaaaaaaa."


@pytest.fixture
async def served(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    """A gateway that knows how long glimpse takes, with shorter waits."""
    monkeypatch.setattr(watchdog, "PROBE_TIMEOUT_S", 1.0)
    monkeypatch.setattr(stall, "LEAST_WORK_S", 2.0)
    monkeypatch.setattr(stall, "WORK_FACTOR", 2.0)
    given = {"limits": {"schema_ways": 10**13}, "fleet": {"stall_floor_s": 0.5}}
    async with gateway(Catalog(), Settings.model_validate({"port": 0, **given})) as running:
        assert (await running.ask("glimpse", QUESTION)).complete
        await until(lambda: bool(running.fleet.view().servers[0].verified))
        yield running


async def leave(served: Gateway, after_s: float) -> None:
    body = {
        "model": "glimpse",
        "messages": [{"role": "user", "content": QUESTION}],
        "response_format": ENDLESS,
        "max_tokens": 8,
    }
    timeout = aiohttp.ClientTimeout(total=after_s)
    with pytest.raises(TimeoutError):
        await served.session.post("/v1/chat/completions", json=body, timeout=timeout)


def stalls(served: Gateway) -> list[str]:
    return [event.details["phase"] for event in served.fleet.events.recent if event.kind == "stall"]


async def test_an_engine_that_computes_for_nobody_is_replaced(served: Gateway) -> None:
    await leave(served, 0.5)
    begun_s = time.monotonic()
    await until(lambda: bool(stalls(served)))
    assert time.monotonic() - begun_s < 15
    assert stalls(served) == ["abandoned"]
    await until(lambda: bool(served.fleet.events.counts["death", "glimpse"]))
    (death,) = [event.details for event in served.fleet.events.recent if event.kind == "death"]
    assert "still computed" in death["explanation"]
    assert (await served.ask("glimpse", QUESTION)).complete
    assert served.fleet.events.counts["load", "glimpse"] == 2


@pytest.mark.soak
async def test_one_that_computes_in_vain_is_replaced_while_its_client_waits(served: Gateway) -> None:
    """It is retried once, and fails; a request beside it may share its fate, and the next is answered."""
    attack = asyncio.create_task(served.ask("glimpse", QUESTION, response_format=ENDLESS, max_tokens=8))
    await asyncio.sleep(0.5)
    polite = asyncio.create_task(served.ask("glimpse", QUESTION))
    assert ((await attack).status, (await attack).error) == (504, "engine_stalled")
    await polite
    assert (await served.ask("glimpse", QUESTION)).complete
    assert set(stalls(served)) <= {"prefill", "decode"}
    assert served.fleet.events.counts["load", "glimpse"] == len(stalls(served)) + 1 > 1


async def test_an_engine_that_is_done_is_left_alone(served: Gateway) -> None:
    for _ in range(3):
        assert (await served.ask("glimpse", QUESTION)).complete
        await asyncio.sleep(1.3)
    entry = next(iter(served.fleet._entries.values()))
    (entry,) = served.fleet._entries.values()
    async with asyncio.timeout(20):  # the watchdog looks twice, and later on a busy computer
        while entry.vitals.rest is None or not entry.vitals.rest.is_resting:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert (stalls(served), served.fleet.events.counts["load", "glimpse"]) == ([], 1)
