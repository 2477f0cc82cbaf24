import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from viewfinder.host.child import Exit

CHILDREN = Path(__file__).parents[1] / "children"


@contextmanager
def killed_owner(
    shape: str, folder: Path, *, with_warden: bool = False, **environment: str
) -> Iterator[list[psutil.Process]]:
    """Lets a process own a child as `viewfinder serve` owns an engine, SIGKILLs it, and gives the processes
    that it leaves behind: the warden and the tree. A fork that it made lives until the end."""
    program, engine = (str(CHILDREN / f"{name}.py") for name in ("owns_a_child", shape))
    with subprocess.Popen(
        [sys.executable, program, str(folder), sys.executable, engine],
        stdout=subprocess.PIPE,
        env=os.environ | environment,
    ) as owner:
        said = json.loads(owner.stdout.readline())
        processes = [psutil.Process(pid) for pid in said["tree"]]
        if with_warden:
            owner.send_signal(signal.SIGSTOP)  # so that it cannot step in
            processes[0].kill()
        owner.kill()
    try:
        yield processes
    finally:
        if said["fork"]:
            os.kill(said["fork"], signal.SIGKILL)


def test_a_killed_owner_leaves_nothing(shape, tmp_path, assert_gone):
    with killed_owner(shape, tmp_path) as processes:
        assert len(processes) >= 2
        assert_gone(processes)


@pytest.mark.skipif(sys.platform != "linux", reason="needs PDEATHSIG")
def test_an_engine_ends_when_owner_and_warden_are_killed_at_once(tmp_path, assert_gone):
    with killed_owner("ignores_term", tmp_path, with_warden=True) as processes:
        assert_gone(processes)


def test_a_killed_owner_leaves_nothing_though_a_fork_of_it_holds_the_socket(tmp_path, assert_gone):
    """Python's multiprocessing forks: a data loader's worker inherits every file of ours and outlives us."""
    with killed_owner("ignores_term", tmp_path, FORK="1") as processes:
        assert_gone(processes)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_to_the_warden_ends_the_tree(start, number):
    child = await start("forks_three")
    processes = [psutil.Process(pid) for pid in child.pids()]
    os.kill(child.warden_pid, number)
    assert (await child.wait()).stopped
    assert not any(process.is_running() for process in processes)


async def test_what_an_engine_leaves_behind_ends_with_it(start):
    child = await start("forks_three", "--leave", ready=False)
    assert await child.wait() == Exit(0, None)
    assert child.tail() == "ready"
    assert child.pids() == []


async def test_those_who_left_the_group_are_asked_before_they_are_killed(start):
    child = await start("escapes", "--polite", grace_s=60)
    assert len(child.pids()) == 2
    async with asyncio.timeout(5):
        await child.stop()


async def test_an_engine_gets_one_term_only(start):
    """llama.cpp and uvicorn take a second one for "at once", and drop the requests they were answering."""
    child = await start("counts_terms", grace_s=0.3)
    await child.stop()
    assert child.tail().count("TERM") == 1
