"""A memory budget that fits one of two models: both answer in turn, and are never up together."""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from tests.faults.chaos import processes
from tests.faults.conftest import until
from tests.faults.gateway import gateway
from tests.faults.measured import publish
from viewfinder.api.setup import open_catalog
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import FleetSettings, LocalModel, Settings
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.fleet.record.events import Event

SOAK_REQUESTS = int(os.environ.get("VIEWFINDER_SOAK_ALTERNATIONS", "200"))
MODELS = ("one", "two")


def settings_for(fleet: FleetSettings) -> Settings:
    files = Catalog().resolve(Catalog().get("glimpse").variant())
    models = {name: LocalModel(model=files.model, mmproj=files.mmproj) for name in MODELS}
    return Settings(port=0, models=models, engine=EngineSettings(threads=1), fleet=fleet)


async def budget_for_one() -> FleetSettings:
    """The memory of one and a half of these models, once both were measured."""
    settings = settings_for(FleetSettings())
    async with gateway(open_catalog(settings), settings) as running:
        for model in MODELS:
            assert (await running.ask(model, "Hello!")).complete
        await until(lambda: all(server.memory_bytes for server in running.fleet.view().servers))
        need_bytes = max(server.need_bytes or 0 for server in running.fleet.view().servers)
    return FleetSettings(memory_budget_gb=1.5 * need_bytes / 1e9)


@dataclass(frozen=True)
class Record:
    requests: int
    failures: int
    loads: int
    most_engines_at_once: int


@contextmanager
def counting_engines() -> Iterator[list[int]]:
    """Counts the running engines every few milliseconds."""
    counts, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(0.02):
            counts.append(len(processes().get("engine", [])))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield counts
    finally:
        over.set()
        looking.join()


async def alternate(requests: int) -> None:
    """Requests for the two in turn, and then a few for both at the same time."""
    settings = settings_for(await budget_for_one())
    replies, events = [], []
    async with gateway(open_catalog(settings), settings) as running:
        with counting_engines() as counts:
            for models in [*((MODELS[number % 2],) for number in range(requests)), *[MODELS] * 3]:
                replies += await asyncio.gather(*(running.ask(model, "Hello!") for model in models))
                events += running.fleet.events.recent
                running.fleet.events.recent.clear()
    failures = sum(not reply.complete for reply in replies)
    loads = sum(event.kind == "load" for event in events)
    publish("budget", Record(len(replies), failures, loads, max(counts)))
    assert [reply for reply in replies if not reply.complete] == []
    assert most_up(events) == 1
    assert max(counts) == 1
    assert loads >= requests


def most_up(events: list[Event]) -> int:
    """The most models that were up or loading at the same time."""
    up: set[str] = set()
    most = 0
    for event in events:
        if event.kind == "load":
            up.add(event.model)
        elif event.kind in ("unload", "death"):
            up.discard(event.model)
        most = max(most, len(up))
    return most


async def test_two_models_share_the_room_of_one() -> None:
    await alternate(14)


@pytest.mark.soak
@pytest.mark.timeout(SOAK_REQUESTS * 5 + 120)
async def test_two_models_share_the_room_of_one_two_hundred_times() -> None:
    await alternate(SOAK_REQUESTS)
