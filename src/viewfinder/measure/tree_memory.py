"""Memory of a server's process tree as results keep it, and its peak; called by `subject`."""

import sys
import time
from collections.abc import Callable
from dataclasses import asdict

from viewfinder.host.graphics_memory import graphics_bytes
from viewfinder.host.mapped import also_mapped_by
from viewfinder.host.memory import TREE_REFRESH_S, counted_bytes, high_water_bytes, measure_tree
from viewfinder.measure.figures import Memory

_GROWTH = 1.01
"""An exact reading takes long, so one is made only when the tree has grown by one percent: a peak is at most
that much too low, except for memory that a request takes and returns, which only the kernel's high-water mark
shows."""


def read(pids: list[int], *, look_around: bool = False) -> Memory:
    """The tree's memory now; `look_around` also searches all processes for others that map its files."""
    return Memory(
        **asdict(measure_tree(pids)),
        kernel_peak_bytes=high_water_bytes(pids) if sys.platform in ("linux", "darwin") else None,
        shared=look_around and sys.platform == "linux" and bool(also_mapped_by(pids)),
        graphics_bytes=graphics_bytes(pids),
    )


class Peak:
    """The highest footprint of one process tree, read between requests, while none is in flight.

    `pids` lists the tree, which takes milliseconds.
    """

    def __init__(self, pids: Callable[[], list[int]], clock: Callable[[], float] = time.monotonic) -> None:
        self.highest: Memory | None = None
        self._list_pids, self._pids, self._clock = pids, list[int](), clock
        self._refresh_s = 0.0
        self._counted = 0

    def look(self) -> None:
        """Make an exact reading if the kernel's counters are higher than ever."""
        if self._clock() >= self._refresh_s:
            self._pids = self._list_pids()
            self._refresh_s = self._clock() + TREE_REFRESH_S
        counted = counted_bytes(self._pids)
        if counted > _GROWTH * self._counted:
            self._counted = counted
            self.take(read(self._pids))

    def take(self, memory: Memory) -> None:
        """Count a reading that was made for another purpose."""
        if self.highest is None or memory.footprint_bytes > self.highest.footprint_bytes:
            self.highest = memory
