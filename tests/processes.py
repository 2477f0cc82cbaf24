"""Which of the processes of a test still run."""

import time
from collections.abc import Iterable
from contextlib import suppress

import psutil


def alive(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that still run. A zombie has ended: the first process of a container may never collect it."""
    found = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def left_of(processes: Iterable[psutil.Process], *, within_s: float = 2.0) -> list[psutil.Process]:
    """Those that still run after `within_s`; empty as soon as all have ended."""
    deadline_s = time.monotonic() + within_s
    left = alive(processes)
    while left and time.monotonic() < deadline_s:
        psutil.wait_procs(left, timeout=0.02)
        left = alive(left)
    return left
