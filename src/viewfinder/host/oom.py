"""Whether the system killed a process because memory ran out, from the kernel's count of such kills.

Called by `host/child` when an engine was killed and we had not stopped it. Linux only.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from viewfinder.host.cgroups import Cgroups

BURST_S = 5.0
"""Kills for memory come in bursts: a process killed within this time of another was killed for memory too."""


class MemoryKills:
    """The kernel's count of kills for memory in a cgroup, and how many of them are known already."""

    def __init__(self, file: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._clock = clock
        self._known = self._count()
        self._noticed_s = float("-inf")

    def happened(self) -> bool | None:
        """Whether there was a kill since the last call; None when the count cannot be read."""
        count = self._count()
        if count is None or self._known is None:
            return None
        if count > self._known:
            self._known, self._noticed_s = count, self._clock()
        return self._clock() - self._noticed_s < BURST_S

    def _count(self) -> int | None:
        if self._file is not None:
            with suppress(OSError, ValueError, KeyError):
                return int(dict(line.split() for line in self._file.read_text().splitlines())["oom_kill"])
        return None


def counter_file(cgroups: Cgroups | None = None) -> Path | None:
    """The file with the count of our group (version 2, or the memory controller of version 1)."""
    for folder in (cgroups or Cgroups()).folders("memory"):
        for name in ("memory.events", "memory.oom_control"):
            if (folder / name).is_file():
                return folder / name
    return None
