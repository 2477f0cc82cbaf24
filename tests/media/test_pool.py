"""The decoder processes together: who waits for whom, and what is left afterwards."""

import asyncio
import base64
import io
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psutil
import pytest
from PIL import Image

from viewfinder.core.config import Limits
from viewfinder.media import pool as pool_module
from viewfinder.media.fairness import Client
from viewfinder.media.frames import Order
from viewfinder.media.pool import DecoderPool
from viewfinder.media.worker import DecoderLost, DecoderTimeout

LARGE = 10_000_000
"""Pixels that an image may claim to have here, to be taken for a large one."""


def picture(size: tuple[int, int] = (9, 7)) -> str:
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


@asynccontextmanager
async def working(**limits: object) -> AsyncIterator[DecoderPool]:
    pool = DecoderPool(Limits(**{"decoders": 2, **limits}))
    try:
        yield pool
    finally:
        await pool.close()


async def width(pool: DecoderPool, pixels: int = 63, client: str = "", size: tuple[int, int] = (9, 7)) -> int:
    head, _ = await pool.decode(picture(size), Order(), pixels=pixels, client=Client(client, client))
    return head["width"]


async def stopped(pool: DecoderPool, monkeypatch: pytest.MonkeyPatch) -> list[asyncio.Task[int]]:
    """Two large images whose decoders are frozen, and are not looked at."""
    monkeypatch.setattr("viewfinder.media.worker.LOOK_S", 60.0)
    await asyncio.gather(*(width(pool, LARGE) for _ in range(2)))
    for pid in pool.pids:
        os.kill(pid, signal.SIGSTOP)
    tasks = [asyncio.create_task(width(pool, LARGE, "large")) for _ in range(2)]
    await asyncio.sleep(0.05)
    return tasks


async def test_small_images_share_one_process() -> None:
    async with working() as pool:
        assert pool.pids == ()
        sizes = [(number, 5) for number in range(1, 6)]
        for size in sizes:
            assert await width(pool, size=size) == size[0]
        assert len(pool.pids) == 1


async def test_large_images_are_decoded_at_the_same_time() -> None:
    async with working() as pool:
        await asyncio.gather(*(width(pool, LARGE) for _ in range(6)))
        assert len(pool.pids) == 2
        assert all(map(psutil.pid_exists, pool.pids))


async def test_a_large_image_leaves_the_process_for_small_ones_alone() -> None:
    """It took the one that ran, and the next small image waited for a process to start: 0.3 to 0.5 s."""
    async with working() as pool:
        await width(pool)
        (small,) = pool.pids
        await width(pool, LARGE)
        assert len(pool.pids) == 2
        await asyncio.gather(*(width(pool, LARGE) for _ in range(2)), width(pool))
        assert pool.pids[0] == small
        assert len(pool.pids) == 3


async def test_a_small_image_is_decoded_while_all_others_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight slow images made a small one wait for 161 s."""
    async with working() as pool:
        hanging = await stopped(pool, monkeypatch)
        waiting = asyncio.create_task(width(pool, LARGE))
        assert await asyncio.wait_for(width(pool), 5) == 9
        assert not waiting.done()
        for pid in pool.pids:
            os.kill(pid, signal.SIGCONT)
        assert await asyncio.gather(*hanging, waiting) == [9, 9, 9]


async def test_an_image_that_only_looks_small_does_not_hold_up_small_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After half a second it continues as a large one."""
    monkeypatch.setattr(pool_module, "SMALL_S", 0.05)
    async with working() as pool:
        noise = io.BytesIO()
        Image.effect_noise((2000, 2000), 90).convert("RGB").save(noise, "PNG", compress_level=0)
        slow = base64.b64encode(noise.getvalue()).decode()
        monkeypatch.setattr("viewfinder.media.fairness.SMALL_BYTES", len(slow))
        monkeypatch.setattr("viewfinder.media.worker.LOOK_S", 0.02)
        head, _ = await pool.decode(slow, Order(), pixels=0)
        assert head["width"] == 2000


async def test_the_time_that_an_image_may_take_depends_on_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "SMALL_S", 0.0)
    monkeypatch.setattr(pool_module, "IMAGE_S", 0.0)
    monkeypatch.setattr("viewfinder.media.worker.LOOK_S", 0.001)
    async with working() as pool:
        with pytest.raises(DecoderTimeout):
            await width(pool, 0, size=(1000, 1000))
        assert await width(pool, 50_000_000, size=(1000, 1000)) == 1000


async def test_an_image_whose_sender_leaves_the_queue_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    async with working() as pool:
        hanging = await stopped(pool, monkeypatch)
        waiting = [asyncio.create_task(width(pool, LARGE)) for _ in range(3)]
        await asyncio.sleep(0)
        for task in waiting[:2]:
            task.cancel()
        pids = pool.pids
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        assert await asyncio.gather(*hanging, waiting[2]) == [9, 9, 9]
        assert pool.pids == pids
        assert pool.pixels == 0


async def test_leaving_at_the_moment_of_ones_turn_loses_no_decoder() -> None:
    async with working() as pool:
        for _ in range(2):
            tasks = [asyncio.create_task(width(pool, LARGE)) for _ in range(6)]
            await asyncio.sleep(0)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert await asyncio.gather(*(width(pool, LARGE) for _ in range(4))) == [9] * 4
        assert pool.pixels == 0


async def test_closing_loses_the_images_that_wait_and_leaves_no_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with working() as pool:
        hanging = await stopped(pool, monkeypatch)
        waiting = [asyncio.create_task(width(pool, LARGE)) for _ in range(3)]
        await asyncio.sleep(0)
        pids = pool.pids
        await asyncio.wait_for(pool.close(), 5)
        lost = await asyncio.gather(*hanging, *waiting, return_exceptions=True)
        assert {type(error) for error in lost} == {DecoderLost}
        assert not any(map(psutil.pid_exists, pids))
        assert await width(pool) == 9


async def test_decoders_for_large_images_stop_when_they_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "REST_S", 0.1)
    async with working() as pool:
        await asyncio.gather(*(width(pool, LARGE) for _ in range(4)))
        pids = pool.pids
        async with asyncio.timeout(5):
            while len(pool.pids) > 1:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert pool.pids == pids[:1]
        assert await asyncio.gather(*(width(pool, LARGE) for _ in range(2))) == [9, 9]
