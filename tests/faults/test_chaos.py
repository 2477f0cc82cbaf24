"""Processes are killed at random under load: every request ends, and no answer is that of another request."""

import os
from dataclasses import replace

import psutil
import pytest

from tests.faults import chaos
from tests.faults.gateway import gateway
from tests.faults.measured import publish
from tests.processes import left_of

SOAK_S = int(os.environ.get("VIEWFINDER_SOAK_CHAOS_S", "300"))
ERRORS = {"engine_died", "engine_stalled", "engine_quarantined", "overloaded", "queue_full"}
"""The error codes that a client may get when its model was killed."""


async def survive(seconds: int, every_s: float) -> chaos.Record:
    before = set(psutil.Process().children(recursive=True))
    catalog, settings = chaos.catalog_and_settings()
    async with gateway(catalog, settings) as running:
        for model in chaos.MODELS:
            assert (await running.ask(model, "Hello!")).complete
        run = chaos.Run(running, seed=f"chaos/{seconds}")
        await run.go(seconds, every_s)
        record = await chaos.judge(run, seconds)
        ours = set(psutil.Process().children(recursive=True)) - before
    record = replace(record, processes_left=len(left_of(ours)))
    publish("chaos", record)
    assert record.requests > seconds
    assert record.answers > 0.8 * record.requests
    assert record.of_another == record.strange == 0
    assert record.stuck == record.leases_left == record.processes_left == 0
    assert set(record.errors) <= ERRORS
    return record


async def test_random_kills_under_load() -> None:
    record = await survive(12, every_s=1.5)
    assert sum(record.kills.values()) >= 4


@pytest.mark.soak
@pytest.mark.timeout(SOAK_S + 600)
async def test_random_kills_for_five_minutes() -> None:
    record = await survive(SOAK_S, every_s=3)
    assert sum(record.kills.values()) >= SOAK_S / 3 - 10
