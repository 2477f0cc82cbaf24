"""The activity of a process tree: CPU time, output and disk reads; read by `fleet/health` to detect stalls.

CPU time covers the running processes and the children that they have reaped. Disk reads are known only on
Linux, and 0 elsewhere.
"""

import time
from contextlib import suppress
from dataclasses import dataclass

import psutil

from viewfinder.host.child import Child


@dataclass(frozen=True, slots=True)
class Activity:
    """Totals since the tree's start, at one moment of the monotonic clock."""

    at_s: float
    cpu_s: float
    output_bytes: int
    read_bytes: int


def read_activity(child: Child) -> Activity:
    """The activity of a program and every process below it, which takes milliseconds to read."""
    cpu_s, read_bytes = 0.0, 0
    for pid in child.pids():
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            times = process.cpu_times()
            cpu_s += times.user + times.system + times.children_user + times.children_system
            if hasattr(process, "io_counters"):
                read_bytes += process.io_counters().read_bytes
    return Activity(time.monotonic(), cpu_s, child.output_bytes, read_bytes)
