"""The decoder process is lost in every possible way, and the next image is decoded."""

import asyncio
import base64
import io
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psutil
import pytest
from PIL import Image

from viewfinder.media.worker import DecoderLost, DecoderProcess, DecoderTimeout, DecoderWorker


def picture(colour: str = "red", size: tuple[int, int] = (9, 7)) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return base64.b64encode(file.getvalue())


@asynccontextmanager
async def working(timeout_s: float = 20.0) -> AsyncIterator[DecoderWorker]:
    worker = DecoderWorker(max_pixels=1_000_000, timeout_s=timeout_s)
    try:
        yield worker
    finally:
        await worker.close()


async def width(worker: DecoderWorker, payload: bytes) -> object:
    return (await worker.decode(payload, longest_edge=None))[0].get("width")


async def stopped_at_work(worker: DecoderWorker) -> tuple[int, asyncio.Task[object]]:
    """A stopped process that has an image, and the task that waits for it."""
    assert await width(worker, picture()) == 9
    pid = worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    task = asyncio.create_task(width(worker, picture()))
    await asyncio.sleep(0)  # the task runs until its order is written
    assert worker.pid == pid
    return pid, task


async def test_nothing_runs_before_the_first_image_and_after_the_end() -> None:
    async with working() as worker:
        assert worker.pid is None
        await width(worker, picture())
        pid = worker.pid
        assert pid is not None
        assert psutil.pid_exists(pid)
    assert not psutil.pid_exists(pid)
    assert worker.pid is None


async def test_one_process_for_many_images() -> None:
    async with working() as worker:
        answers = await asyncio.gather(
            *(worker.decode(picture(size=(width, 5)), longest_edge=None) for width in range(1, 9))
        )
        pid = worker.pid
        assert [head["width"] for head, _ in answers] == list(range(1, 9))
        await width(worker, picture())
        assert worker.pid == pid


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
async def test_killed_at_work(number: signal.Signals) -> None:
    async with working() as worker:
        pid, task = await stopped_at_work(worker)
        os.kill(pid, number)
        with suppress(ProcessLookupError):  # it may be gone already
            os.kill(pid, signal.SIGCONT)
        with pytest.raises(DecoderLost):
            await task
        assert await width(worker, picture()) == 9
        assert worker.pid != pid


async def test_killed_while_it_waits_costs_no_image() -> None:
    async with working() as worker:
        await width(worker, picture())
        pid = worker.pid
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        while worker.pid is not None:  # noqa: ASYNC110 - only the event loop learns it from the kernel
            await asyncio.sleep(0.001)
        assert await width(worker, picture()) == 9


async def test_an_image_that_takes_too_long_ends_the_process() -> None:
    async with working(timeout_s=1.0) as worker:
        pid, task = await stopped_at_work(worker)
        with pytest.raises(DecoderTimeout):
            await task
        assert not psutil.pid_exists(pid)
        assert await width(worker, picture()) == 9


async def test_the_images_that_wait_do_not_pay_for_the_one_that_hangs() -> None:
    async with working(timeout_s=1.0) as worker:
        _, hanging = await stopped_at_work(worker)
        waiting = [asyncio.create_task(width(worker, picture())) for _ in range(3)]
        with pytest.raises(DecoderTimeout):
            await hanging
        assert await asyncio.gather(*waiting) == [9, 9, 9]


async def test_a_cancelled_call_stops_its_work_and_no_other_gets_its_reply() -> None:
    async with working() as worker:
        pid, task = await stopped_at_work(worker)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not psutil.pid_exists(pid)
        assert await width(worker, picture(size=(3, 3))) == 3


async def test_a_caller_that_leaves_the_queue_costs_nothing() -> None:
    async with working() as worker:
        pid, working_task = await stopped_at_work(worker)
        waiting = asyncio.create_task(width(worker, picture()))
        await asyncio.sleep(0)
        waiting.cancel()
        os.kill(pid, signal.SIGCONT)
        assert await working_task == 9
        assert worker.pid == pid


async def test_closing_does_not_wait_for_an_image_that_hangs() -> None:
    async with working() as worker:
        pid, task = await stopped_at_work(worker)
        async with asyncio.timeout(10):
            await worker.close()
        with pytest.raises(DecoderLost):
            await task
        assert not psutil.pid_exists(pid)


async def test_a_decoder_that_cannot_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with working() as worker:
        monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
        with pytest.raises(DecoderLost):
            await width(worker, picture())
        monkeypatch.setattr(sys, "executable", "/bin/false")
        with pytest.raises(DecoderLost):
            await width(worker, picture())
        monkeypatch.undo()
        assert await width(worker, picture()) == 9


async def test_an_answer_without_bounds_is_not_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A compromised decoder can send anything; it must not fill our memory."""
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\nprintf '\\000\\000\\000\\002\\377\\377\\377\\377{}'\nexec cat /dev/zero\n")
    fake.chmod(0o755)
    async with working() as worker:
        monkeypatch.setattr(sys, "executable", str(fake))
        with pytest.raises(DecoderLost):
            await width(worker, picture())


async def test_a_decoder_that_floods_its_pipe_is_killed_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """asyncio waits for the end of a killed process's pipe, and never sees it once the full buffer has paused
    reading: on a busy machine an endless reply blocked the decoder, and so every later image, for ever."""
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\nexec cat /dev/zero\n")
    fake.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(fake))
    process = await DecoderProcess.start(1_000_000, 20.0)
    await asyncio.sleep(0.3)  # the buffer fills up
    async with asyncio.timeout(20):
        await process.end()
    assert not psutil.pid_exists(process.pid)


async def test_our_secrets_are_not_in_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIEWFINDER_API_KEY", "sk-secret")
    async with working() as worker:
        await width(worker, picture())
        assert worker.pid is not None
        assert "VIEWFINDER_API_KEY" not in psutil.Process(worker.pid).environ()
