"""What is left of a Viewfinder that is gone: found, and left alone."""

import os
import subprocess
import sys
from pathlib import Path

import psutil

from viewfinder.host.child import MARK, Child, ChildSpec
from viewfinder.host.leftovers import leftovers

CHILDREN = Path(__file__).parent.parent / "children"


def test_a_marked_process_without_a_warden_is_found(home: Path) -> None:
    stray = subprocess.Popen(
        [sys.executable, str(CHILDREN / "sleeps.py")], env={**os.environ, MARK: "0123456789abcdef"}
    )
    try:
        while not psutil.Process(stray.pid).cmdline():  # it has not become Python yet
            pass
        assert stray.pid in leftovers(home).processes
        assert stray.poll() is None
    finally:
        stray.kill()
        stray.wait()
    assert stray.pid not in leftovers(home).processes


async def test_an_engine_under_its_warden_is_not(home: Path, tmp_path: Path) -> None:
    program = (sys.executable, str(CHILDREN / "sleeps.py"))
    child = await Child.start(ChildSpec(program, dict(os.environ), tmp_path / "log"))
    try:
        found = leftovers(home).processes
        assert not {child.pid, child.warden_pid, *child.pids()} & set(found)
    finally:
        await child.stop(0)


def test_folders_of_the_dead_are_found_and_kept(home: Path) -> None:
    dead, alive = home / "run" / "4194305", home / "run" / str(os.getpid())
    dead.mkdir(parents=True)
    alive.mkdir()
    assert leftovers(home).folders == (dead,)
    assert dead.is_dir()
