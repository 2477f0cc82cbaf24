"""After thousands of requests the gateway holds what it held before: memory, descriptors and tasks."""

import asyncio
import gc
import itertools
import os
import time
from dataclasses import dataclass

import psutil
import pytest

from tests.faults.gateway import Gateway, gateway
from tests.faults.measured import publish
from viewfinder.api.setup import open_catalog
from viewfinder.core.config import MIB, Settings
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.scene import make_scene

SOAK_REQUESTS = int(os.environ.get("VIEWFINDER_SOAK_REQUESTS", "10000"))
CLIENTS = 4
POOLED = 3 * CLIENTS
"""Connections are kept for the next request: both ends of a client's are in this process, and the gateway's
to the engine. How many stay open varies with how many requests met, up to these."""
MODEL = "glimpse"


@dataclass(frozen=True)
class Holding:
    """What this process, with the gateway and its clients, holds without a request in progress."""

    resident_bytes: int
    descriptors: int
    tasks: int


@dataclass(frozen=True)
class Record:
    requests: int
    answers: int
    left_early: int
    seconds: int
    before: Holding
    after: Holding
    leases_left: int


async def holding() -> Holding:
    """The least that is held within two seconds, because a memory check or a canary may run meanwhile."""
    me, descriptors, tasks = psutil.Process(), [], []
    for _ in range(20):
        await asyncio.sleep(0.1)
        descriptors.append(me.num_fds())
        tasks.append(len(asyncio.all_tasks()))
    gc.collect()
    return Holding(me.memory_info().rss, min(descriptors), min(tasks))


async def ask_many(running: Gateway, requests: int) -> tuple[int, int]:
    """Pictures and texts, streamed and whole; one client in ten disconnects in the middle. Returns the
    numbers of answers and of disconnected clients."""
    numbers = iter(range(requests))
    answers = left = 0

    async def client() -> None:
        nonlocal answers, left
        for number in numbers:
            if number % 10 == 7:
                await running.leave(MODEL, "What is your name?")
                left += 1
                continue
            image = pictures[number % len(pictures)] if number % 2 else None
            words = "Describe this image." if image else "What is 2 plus 3?"
            reply = await running.ask(MODEL, words, image, stream=number % 3 == 0, max_tokens=32)
            answers += reply.complete

    pictures = [encode_png(make_scene(f"soak/{number}", longest=(96, 200))) for number in range(20)]
    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return answers, left


async def soak(requests: int, warm_up: int, may_grow_bytes: int) -> None:
    settings = Settings(port=0, engine=EngineSettings(threads=1))
    async with gateway(open_catalog(settings), settings) as running:
        await ask_many(running, warm_up)
        before, started_s = await holding(), time.monotonic()
        answers, left = await ask_many(running, requests)
        seconds, after = round(time.monotonic() - started_s), await holding()
        view = running.fleet.view()
        leases = sum(
            itertools.chain.from_iterable((server.leases, server.waiting) for server in view.servers)
        )
    publish("soak", Record(requests, answers, left, seconds, before, after, leases))
    assert answers == requests - left
    assert leases == 0
    assert after.descriptors <= before.descriptors + POOLED
    assert after.tasks <= before.tasks
    assert after.resident_bytes <= before.resident_bytes + may_grow_bytes


async def test_three_hundred_requests_leave_nothing() -> None:
    await soak(300, 60, may_grow_bytes=24 * MIB)


@pytest.mark.soak
@pytest.mark.timeout(SOAK_REQUESTS + 600)
async def test_ten_thousand_requests_leave_nothing() -> None:
    await soak(SOAK_REQUESTS, SOAK_REQUESTS // 5, may_grow_bytes=16 * MIB)
