"""Whether the system killed a process because memory ran out: its own count of such kills says so.

Asked by `host/child` when an engine was killed and nobody had told it to end. Linux; elsewhere nobody knows.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
SHOWER_S = 5.0
"""Kills for memory come together: whoever is killed so soon after one was noticed was killed for it, too."""


class MemoryKills:
    """The count of a cgroup, this process's own, and how much of it is known already."""

    def __init__(self, file: Path | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._file = file
        self._clock = clock
        self._known = self._count()
        self._noticed_s = float("-inf")

    def happened(self) -> bool | None:
        """Whether there was one since this was asked last; None when the count cannot be read."""
        count = self._count()
        if count is None or self._known is None:
            return None
        if count > self._known:
            self._known, self._noticed_s = count, self._clock()
        return self._clock() - self._noticed_s < SHOWER_S

    def _count(self) -> int | None:
        if self._file is not None:
            with suppress(OSError, ValueError, KeyError):
                return int(dict(line.split() for line in self._file.read_text().splitlines())["oom_kill"])
        return None


def counter_file(membership: Path = Path("/proc/self/cgroup"), cgroups: Path = CGROUPS) -> Path | None:
    """The file with our cgroup's count: of version 2, or of version 1's memory controller."""
    with suppress(OSError):
        for line in membership.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            v1 = "memory" in controllers.split(",")
            file = (
                cgroups
                / ("memory" if v1 else "")
                / path[1:]
                / ("memory.oom_control" if v1 else "memory.events")
            )
            if (v1 or not controllers) and file.is_file():
                return file
    return None
