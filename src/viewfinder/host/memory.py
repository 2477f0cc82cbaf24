"""How much memory a tree of processes holds, each page counted once.

Called by `bench`, which prints it, and by `fleet`, which plans with it; never about the calling process.

What is counted on Linux (from `smaps_rollup`, `maps` and `pagemap` of /proc/PID):

    anonymous   memory that no file on disk backs, shared memory and tmpfs among it; a page that several
                processes share counts in parts (PSS), which add up to one when they are all in the tree
    swap        such memory that is swapped out, in the same parts
    mapped      resident pages of mapped model files, each page of each file once, however often and by
                however many processes it is mapped; the kernel may drop such pages and read them again
    footprint   the sum of these three

PSS stands beside them: it has the pages of every file, libraries too, but counts only a part of what others
on this computer map as well. Memory on a graphics card is in none of them.

On macOS a process's physical footprint stands for anonymous, and swap and mapped are 0: mapped weights are
missing there, compressed memory is not. Elsewhere it is the USS.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import psutil

from viewfinder.host.footprint import physical_footprint
from viewfinder.host.mapped import mapped_model_bytes

TREE_REFRESH_S = 0.5
"""How often a PeakWatch looks for new processes, which costs milliseconds; engines seldom start any."""


@dataclass(frozen=True)
class MemorySample:
    """Memory of a process tree at one moment; see the top of this file."""

    footprint_bytes: int
    anonymous_bytes: int
    swap_bytes: int
    mapped_bytes: int
    pss_bytes: int


def measure_tree(pids: Iterable[int]) -> MemorySample:
    """Measure these processes as one; those that have ended count nothing. Takes about 60 ms a GB.

    Raises PermissionError when one of them is another user's, ValueError when one is the caller.
    """
    pids = list(pids)
    if os.getpid() in pids:
        raise ValueError("a process does not measure itself: the runner is no part of the model")
    if sys.platform != "linux":
        used = sum(map(_private_bytes, pids))
        return MemorySample(used, used, 0, 0, used)
    totals = [_kilobytes(pid, "smaps_rollup") for pid in pids]
    anonymous = sum(total.get("Pss_Anon", 0) + total.get("Pss_Shmem", 0) for total in totals)
    swap = sum(total.get("SwapPss", 0) for total in totals)
    mapped = mapped_model_bytes(pids)
    return MemorySample(
        footprint_bytes=anonymous + swap + mapped,
        anonymous_bytes=anonymous,
        swap_bytes=swap,
        mapped_bytes=mapped,
        pss_bytes=sum(total.get("Pss", 0) for total in totals),
    )


def high_water_bytes(pids: Iterable[int]) -> int:
    """The most that these processes ever held, by the kernel's own mark of each; costs next to nothing.

    Too much rather than too little: pages that several map are counted in each, their peaks as if they had
    come together. Elsewhere than on Linux and macOS, where there is no such mark, it is what they hold now.
    """
    if sys.platform == "darwin":
        return sum(physical_footprint(pid)[1] for pid in pids)
    if sys.platform != "linux":
        return sum(map(_private_bytes, pids))
    return sum(_kilobytes(pid, "status").get("VmHWM", 0) for pid in pids)


def counted_bytes(pids: Iterable[int]) -> int:
    """What these processes have in memory and in swap, by the kernel's counters; costs next to nothing.

    More than their footprint: libraries are in it, and pages that several of them map count in each.
    """
    return sum(map(_counted_bytes, pids))


class PeakWatch:
    """Watches a tree from a thread and keeps its highest footprint; use it in a `with` statement.

    An exact sample would slow the engine down, so every interval it reads the kernel's counters, which cost
    next to nothing, and takes exact samples at the beginning and at the end only. What the counters say too
    much (libraries, pages mapped twice) is taken off by the last of these. A peak that is shorter than the
    interval can be missed.
    """

    def __init__(self, pids: Callable[[], Iterable[int]], interval_s: float = 0.05) -> None:
        self._pids = pids
        self._interval_s = interval_s
        self._highest_bytes = 0
        self._excess_bytes = 0
        self._done = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._watch, name="peak-watch", daemon=True)

    @property
    def peak_bytes(self) -> int:
        """The highest footprint so far."""
        return max(0, self._highest_bytes - self._excess_bytes)

    def __enter__(self) -> "PeakWatch":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        if self._failure is not None and error is None:
            raise self._failure

    def _watch(self) -> None:
        try:
            pids = self._sample()
            refresh_s = time.monotonic() + TREE_REFRESH_S
            while not self._done.wait(self._interval_s):
                if time.monotonic() >= refresh_s:
                    pids = list(self._pids())
                    refresh_s = time.monotonic() + TREE_REFRESH_S
                self._highest_bytes = max(self._highest_bytes, counted_bytes(pids))
            self._sample()
        except Exception as failure:  # raised where the `with` statement ends
            self._failure = failure

    def _sample(self) -> list[int]:
        pids = list(self._pids())
        counted = counted_bytes(pids)
        exact = measure_tree(pids).footprint_bytes
        if exact:  # else the tree has ended, and what was learned before stays
            self._excess_bytes = counted - exact
            self._highest_bytes = max(self._highest_bytes, counted)
        return pids


def _counted_bytes(pid: int) -> int:
    if sys.platform != "linux":
        return _private_bytes(pid)
    counters = _kilobytes(pid, "status")
    return sum(counters.get(name, 0) for name in ("RssAnon", "RssFile", "RssShmem", "VmSwap"))


def _kilobytes(pid: int, file: str) -> dict[str, int]:
    """The lines "Name: 1 kB" of a file in /proc/PID, in bytes; empty when the process has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        lines = (line.split() for line in Path(f"/proc/{pid}/{file}").read_text().splitlines())
        return {line[0].rstrip(":"): int(line[1]) * 1024 for line in lines if line[2:] == ["kB"]}
    return {}


def _private_bytes(pid: int) -> int:
    """What a process has to itself, by the measure of a system without Linux's files."""
    if sys.platform == "darwin":
        return physical_footprint(pid)[0]
    with suppress(psutil.NoSuchProcess):
        return int(psutil.Process(pid).memory_full_info().uss)
    return 0
