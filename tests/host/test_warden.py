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

from tests.processes import alive, left_of
from viewfinder.host import warden
from viewfinder.host.child import Child, Exit

CHILDREN = Path(__file__).parents[1] / "children"


@contextmanager
def killed_owner(
    shape: str, folder: Path, *, with_warden: bool = False, frozen: slice = slice(0), **environment: str
) -> Iterator[list[psutil.Process]]:
    """Lets a process own a child as `viewfinder serve` owns an engine, SIGKILLs it, and returns the processes
    that it leaves behind: the warden and the tree, of which those in `frozen` are stopped before. A fork that
    it made runs until the end of the test."""
    program, engine = (str(CHILDREN / f"{name}.py") for name in ("owns_a_child", shape))
    with subprocess.Popen(
        [sys.executable, program, str(folder), sys.executable, engine],
        stdout=subprocess.PIPE,
        env=os.environ | environment,
    ) as owner:
        said = json.loads(owner.stdout.readline())
        processes = [psutil.Process(pid) for pid in said["tree"]]
        for process in processes[frozen]:
            process.suspend()
        if with_warden:
            owner.send_signal(signal.SIGSTOP)  # so that it cannot step in
            processes[0].kill()
        owner.kill()
    try:
        yield processes
    finally:
        if said["fork"]:
            os.kill(said["fork"], signal.SIGKILL)


def left_by(child: Child) -> list[psutil.Process]:
    """Those of the three processes forked by forks_three that still run."""
    pids = [int(pid) for pid in child.tail().split()[1:]]
    assert len(pids) == 3
    return [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]


def test_a_killed_owner_leaves_nothing(shape, tmp_path):
    with killed_owner(shape, tmp_path) as processes:
        assert len(processes) >= 2
        assert left_of(processes) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs PDEATHSIG")
@pytest.mark.parametrize("frozen", [slice(1), slice(None)], ids=["the warden", "everything"])
def test_a_killed_owner_leaves_nothing_frozen(shape, frozen, tmp_path):
    """A warden under SIGSTOP did not see the end of its owner, and the engine ran on."""
    with killed_owner(shape, tmp_path, frozen=frozen) as processes:
        assert left_of(processes) == []


@pytest.mark.skipif(sys.platform != "linux", reason="needs PDEATHSIG")
def test_an_engine_ends_when_owner_and_warden_are_killed_at_once(tmp_path):
    with killed_owner("ignores_term", tmp_path, with_warden=True) as processes:
        assert left_of(processes) == []


def test_a_killed_owner_leaves_nothing_though_a_fork_of_it_holds_the_socket(tmp_path):
    """Python's multiprocessing forks: a data loader's worker inherits every file of ours and outlives us."""
    with killed_owner("ignores_term", tmp_path, FORK="1") as processes:
        assert left_of(processes) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
async def test_a_signal_to_the_warden_ends_the_tree(start, number):
    child = await start("forks_three")
    processes = [psutil.Process(pid) for pid in child.pids()]
    os.kill(child.warden_pid, number)
    assert (await child.wait()).stopped
    assert alive(processes) == []


async def test_what_an_engine_leaves_behind_ends_with_it(start):
    child = await start("forks_three", "--leave", ready=False)
    assert await child.wait() == Exit(0, None)
    assert not left_by(child)


async def test_processes_that_left_the_group_get_term_before_kill(start):
    child = await start("escapes", "--polite", grace_s=60)
    assert len(child.pids()) == 2
    async with asyncio.timeout(5):
        await child.stop()


@pytest.fixture
def portable(tmp_path, monkeypatch):
    """A warden without the features of Linux, as on macOS."""
    source = Path(warden.__file__).read_text()
    changed = source.replace('LINUX = sys.platform == "linux"', "LINUX = False")
    assert changed != source
    (tmp_path / "warden.py").write_text(changed)
    monkeypatch.setattr(warden, "__file__", str(tmp_path / "warden.py"))


@pytest.mark.parametrize("program", ["sleeps", "ignores_term", "forks_three"])
async def test_without_linux_the_group_is_ended(portable, start, program):
    child = await start(program)
    processes = [psutil.Process(pid) for pid in child.pids()]
    ended = await child.stop(0.2)
    assert ended.signal == (signal.SIGKILL if program == "ignores_term" else signal.SIGTERM)
    assert left_of(processes) == []


async def test_without_linux_what_an_engine_leaves_in_its_group_ends_with_it(portable, start):
    child = await start("forks_three", "--leave", ready=False)
    assert await child.wait() == Exit(0, None)
    assert left_of(left_by(child)) == []


@pytest.mark.parametrize("arguments", [(), ("--orphan",)])
async def test_each_process_gets_one_term_only(start, arguments):
    """llama.cpp and uvicorn exit at once on a second TERM, and drop the requests they were answering."""
    child = await start("counts_terms", *arguments, ready=False)
    async with asyncio.timeout(10):
        while child.tail().count("ready") <= len(arguments):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    await child.stop(0.3)
    assert child.tail().count("TERM") == 1
