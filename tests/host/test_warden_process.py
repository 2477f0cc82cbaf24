"""A warden that waits for the next start: it saves its time, and leaves nothing."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.processes import alive, left_of
from viewfinder.core.errors import EngineDied
from viewfinder.host import warden_process
from viewfinder.host.child import Child, ChildSpec
from viewfinder.host.warden_process import ready

OWNER = """
import asyncio, sys
from viewfinder.host.warden_process import ready
async def main():
    with ready.kept():
        print(ready.waiting.process.pid, flush=True)
        await asyncio.sleep(60)
asyncio.run(main())
"""


@pytest.fixture
async def waiting() -> "Iterator[psutil.Process]":
    with ready.kept():
        assert ready.waiting is not None
        yield psutil.Process(ready.waiting.process.pid)


async def test_the_next_start_takes_it_and_another_waits(waiting, start, monkeypatch):
    monkeypatch.setattr(warden_process, "READY_AGAIN_S", 0.01)
    child = await start("describes_itself", ready=False)
    assert child.warden_pid == waiting.pid
    await child.wait()
    described = json.loads(child.tail())
    assert "VIEWFINDER_TREE" in described["env"]
    async with asyncio.timeout(5):
        while ready.waiting is None:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    again = await start("sleeps")
    assert again.warden_pid != waiting.pid
    await again.stop()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_one_that_was_killed_is_not_missed(waiting, start, number):
    waiting.send_signal(number)
    while waiting.status() != psutil.STATUS_ZOMBIE:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.001)
    child = await start("sleeps")
    assert child.warden_pid != waiting.pid
    assert (await child.stop()).stopped


async def test_one_that_dies_with_its_order_can_be_started_again(waiting, spec):
    waiting.suspend()
    starting = asyncio.create_task(Child.start(spec("sleeps")))
    await asyncio.sleep(0)
    waiting.kill()
    with pytest.raises(EngineDied, match="died at once"):
        await starting


@pytest.mark.parametrize("frozen", [False, True])
async def test_nothing_waits_when_nothing_more_will_start(frozen):
    before = psutil.Process().num_fds()
    with ready.kept():
        process = psutil.Process(ready.waiting.process.pid)
        if frozen:
            process.suspend()
    assert ready.waiting is None
    assert not process.is_running()
    assert psutil.Process().num_fds() == before


@pytest.mark.parametrize("frozen", [False, True])
def test_it_goes_with_its_killed_owner(frozen):
    if frozen and not warden_process._early_words():
        pytest.skip("setpriv is not here")
    source = str(Path(warden_process.__file__).parents[2])
    with subprocess.Popen(
        [sys.executable, "-c", OWNER], stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": source}
    ) as owner:
        process = psutil.Process(int(owner.stdout.readline()))
        time.sleep(0.005)  # its interpreter is starting
        if frozen:
            process.suspend()
        assert alive([process]) == [process]
        owner.kill()
    assert left_of([process]) == []


async def test_an_order_may_be_larger_than_what_a_socket_holds(tmp_path):
    environment = {f"LARGE_{number}": "x" * 60_000 for number in range(12)}
    program = "import os; print(sum(map(len, os.environ.values())))"
    child = await Child.start(ChildSpec((sys.executable, "-c", program), environment, tmp_path / "log"))
    assert (await child.wait()).code == 0
    assert int(child.tail()) >= 720_000


async def test_words_arrive_as_they_are(start):
    words = ["", "a b", "línea\nnueva", "=", "--", "stop 1", "\udcff"]
    child = await start("describes_itself", *words, ready=False)
    assert (await child.wait()).code == 0
    assert json.loads(child.tail())["argv"] == words
