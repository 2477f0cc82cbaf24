"""The memory, descriptors and threads of a server's process tree at one moment; read after each request."""

from collections.abc import Sequence
from contextlib import suppress

import psutil

from viewfinder.host.memory import measure_tree

FOOTPRINT, DESCRIPTORS, THREADS = "footprint_bytes", "descriptors", "threads"


def held(pids: Sequence[int]) -> dict[str, float]:
    """Its footprint in bytes, its open descriptors and its threads."""
    descriptors = threads = 0
    for pid in pids:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            descriptors += process.num_fds()
            threads += process.num_threads()
    return {
        FOOTPRINT: float(measure_tree(pids).footprint_bytes),
        DESCRIPTORS: float(descriptors),
        THREADS: float(threads),
    }
