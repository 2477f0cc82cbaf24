"""How much memory a tree of processes holds, each page counted once.

Called by `measure`, which prints it, and by `fleet`, which plans with it; never about the calling process.

These are counted on Linux (from `smaps_rollup`, `maps` and `pagemap` of /proc/PID):

    anonymous   memory that no file on disk backs, with shared memory and tmpfs; a page that several
                processes share is divided between them (PSS), so it counts once when all are in the tree
    swap        such memory that is swapped out, divided in the same way
    mapped      resident pages of mapped model files, each page of each file once, no matter how many
                processes map it or how often; the kernel may drop such pages and read them again
    footprint   the sum of these three

PSS is given beside them: it includes the pages of every file, also of libraries, but only a part of each page
that processes outside the tree map as well. Memory on a graphics card is in none of them.

On macOS anonymous is the physical footprint, and swap and mapped are 0: mapped weights are missing there,
compressed memory is not. On other systems it is the USS.
"""

import os
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from viewfinder.host.footprint import physical_footprint
from viewfinder.host.mapped import mapped_model_bytes

TREE_REFRESH_S = 0.5
"""How often to look for new processes of a tree, which takes milliseconds; engines seldom start any."""


@dataclass(frozen=True)
class MemorySample:
    """Memory of a process tree at one moment; see the top of this file."""

    footprint_bytes: int
    anonymous_bytes: int
    swap_bytes: int
    mapped_bytes: int
    pss_bytes: int


def measure_tree(pids: Iterable[int]) -> MemorySample:
    """Measure these processes together; one that has ended counts 0. Takes about 60 ms a GB.

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
    """The most that these processes ever held, from the kernel's high-water marks; cheap.

    An upper bound: pages that several processes map count in each, and peaks are added as if simultaneous.
    On systems other than Linux and macOS, which have no such mark, it is the memory that they hold now.
    """
    if sys.platform == "darwin":
        return sum(physical_footprint(pid)[1] for pid in pids)
    if sys.platform != "linux":
        return sum(map(_private_bytes, pids))
    return sum(_kilobytes(pid, "status").get("VmHWM", 0) for pid in pids)


def counted_bytes(pids: Iterable[int]) -> int:
    """Memory and swap of these processes, from the kernel's counters; cheap.

    More than their footprint: it includes libraries, and pages that several processes map count in each.
    """
    return sum(map(_counted_bytes, pids))


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
    """Memory that only this process holds, on a system without Linux's files."""
    if sys.platform == "darwin":
        return physical_footprint(pid)[0]
    with suppress(psutil.NoSuchProcess):
        return int(psutil.Process(pid).memory_full_info().uss)
    return 0
