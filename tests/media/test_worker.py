"""The decoder process is lost in every possible way, and the next image is decoded."""

import asyncio
import base64
import io
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext, suppress
from pathlib import Path

import psutil
import pytest
from PIL import Image

from viewfinder.media import worker as worker_module
from viewfinder.media.frames import Order
from viewfinder.media.worker import DecoderLost, DecoderProcess, DecoderTimeout, DecoderWorker, Vigil


def picture(colour: str = "red", size: tuple[int, int] = (9, 7)) -> str:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def slow() -> str:
    """An image that takes half a second."""
    file = io.BytesIO()
    Image.effect_noise((3000, 3000), 90).convert("RGB").save(file, "PNG", compress_level=0)
    return base64.b64encode(file.getvalue()).decode()


@asynccontextmanager
async def working(timeout_s: float = 20.0) -> AsyncIterator[DecoderWorker]:
    worker = DecoderWorker(max_pixels=10_000_000, timeout_s=timeout_s)
    try:
        yield worker
    finally:
        await worker.close()


async def width(worker: DecoderWorker, payload: str, cpu_s: float = 20.0) -> object:
    return (await worker.decode(payload, Order(), cpu_s=cpu_s))[0].get("width")


async def stopped_at_work(worker: DecoderWorker) -> tuple[int, asyncio.Task[object]]:
    """A stopped process that has an image, and the task that waits for it."""
    assert await width(worker, picture()) == 9
    pid = worker.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    task = asyncio.create_task(width(worker, picture()))
    for _ in range(4):
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
            *(worker.decode(picture(size=(width, 5)), Order(), cpu_s=20.0) for width in range(1, 9))
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


async def test_killing_a_process_that_has_ended_takes_nothing_from_asyncio(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Popen.kill reaps what has ended: asyncio wrote "Unknown child process" and made up a return code."""
    process = await DecoderProcess.start(1_000_000, 20.0)
    await process.read()
    os.kill(process.pid, signal.SIGXCPU)
    with suppress(psutil.NoSuchProcess):
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.001)  # noqa: ASYNC251 - the event loop must not run
    process.kill()
    process.kill()
    await process.end()
    assert process.used_up_its_time
    assert caplog.text == ""


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
    async with working() as worker:
        await width(worker, picture())
        pid = worker.pid
        with pytest.raises(DecoderTimeout):
            await width(worker, slow(), cpu_s=0.1)
        assert not psutil.pid_exists(pid)
        assert await width(worker, picture()) == 9


@pytest.mark.skipif(sys.platform != "linux", reason="needs limits that can be set from outside")
async def test_an_image_that_reaches_the_limit_of_the_process_itself_takes_too_long() -> None:
    """When the event loop is too busy to look at it, the system stops it: that was reported as a crash."""
    async with working() as worker:
        await width(worker, picture())
        assert worker.pid is not None
        working_task = asyncio.create_task(width(worker, slow()))
        await asyncio.sleep(0.1)
        os.kill(worker.pid, signal.SIGXCPU)
        with pytest.raises(DecoderTimeout):
            await working_task


async def test_a_frozen_process_is_lost_at_once_and_not_the_image_s_fault() -> None:
    """A decoder under SIGSTOP took the image's whole time, and the image was refused as too slow."""
    async with working() as worker:
        pid, task = await stopped_at_work(worker)
        began_s = time.monotonic()
        with pytest.raises(DecoderLost):
            await task
        assert time.monotonic() - began_s < 2
        assert not psutil.pid_exists(pid)
        assert await width(worker, picture()) == 9


@pytest.mark.parametrize(
    ("used_s", "at_s", "raised"),
    [
        ((7, 8, 9, 10), (0, 0, 1, 2, 3), None),
        ((7, 8, 9, 11.1), (0, 0, 1, 2, 5), DecoderTimeout),
        ((7, 8, 8, 8), (0, 0, 1, 3, 6.5), DecoderLost),
        ((7, 8, 8, 8.1), (0, 0, 1, 5, 8), None),
        ((7, 8, 9, 10), (0, 0, 5, 10, 20.5), DecoderTimeout),
    ],
    ids=["works", "used its time", "frozen", "starved", "takes too long"],
)
async def test_what_the_looks_at_a_process_mean(
    monkeypatch: pytest.MonkeyPatch,
    used_s: tuple[float, ...],
    at_s: tuple[float, ...],
    raised: type[Exception] | None,
) -> None:
    uses, times = iter(used_s), iter(at_s)
    monkeypatch.setattr(worker_module, "_used_s", lambda process: next(uses))
    monkeypatch.setattr(worker_module, "now_s", lambda: next(times))
    vigil = Vigil(os.getpid(), cpu_s=4.0, timeout_s=20.0)
    with pytest.raises(raised) if raised else nullcontext():
        for _ in used_s:
            vigil.look()


async def test_the_images_that_wait_do_not_pay_for_the_one_that_hangs() -> None:
    async with working() as worker:
        _, hanging = await stopped_at_work(worker)
        waiting = [asyncio.create_task(width(worker, picture())) for _ in range(3)]
        with pytest.raises(DecoderLost):
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
