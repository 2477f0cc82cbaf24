"""A process tree's own signs of progress: what it computed, printed and read; taken by `fleet/stall`.

CPU time is that of the processes that live and of the children that they have reaped. What was read from
the disk is known on Linux alone, and 0 elsewhere.
"""

import time
from contextlib import suppress
from dataclasses import dataclass

import psutil

from viewfinder.host.child import Child


@dataclass(frozen=True, slots=True)
class Signs:
    """Everything since the tree's start, at one moment of the monotonic clock."""

    at_s: float
    cpu_s: float
    output_bytes: int
    read_bytes: int


def read_signs(child: Child) -> Signs:
    """The signs of a program and all that it started; those that have ended give none. Takes milliseconds."""
    cpu_s, read_bytes = 0.0, 0
    for pid in child.pids():
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            times = process.cpu_times()
            cpu_s += times.user + times.system + times.children_user + times.children_system
            if hasattr(process, "io_counters"):
                read_bytes += process.io_counters().read_bytes
    return Signs(time.monotonic(), cpu_s, child.output_bytes, read_bytes)
