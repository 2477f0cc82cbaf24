"""How much memory processes hold on NVIDIA's graphics cards; called by `measure`.

Needs the package nvidia-ml-py (the extra `nvidia`) and NVIDIA's driver.
"""

import functools
from collections.abc import Iterable
from contextlib import suppress
from typing import Any


def graphics_bytes(pids: Iterable[int]) -> int | None:
    """Bytes that these processes hold on all cards together; None when the driver does not report them.

    It does not where it knows processes by other pids (in a container), and never on Windows.
    """
    library = nvml()
    if library is None:
        return None
    wanted = set(pids)
    held: dict[tuple[int, int], int] = {}
    for card in range(library.nvmlDeviceGetCount()):
        handle = library.nvmlDeviceGetHandleByIndex(card)
        for running in (
            library.nvmlDeviceGetComputeRunningProcesses,
            library.nvmlDeviceGetGraphicsRunningProcesses,
        ):
            with suppress(library.NVMLError):  # a card may know only one of the two kinds
                for process in running(handle):
                    if process.pid in wanted and process.usedGpuMemory is not None:
                        place = card, process.pid  # one that computes and draws is in both lists
                        held[place] = max(held.get(place, 0), process.usedGpuMemory)
    return sum(held.values()) if held else None


@functools.cache
def nvml() -> Any:
    """The driver's library, ready for use; None when there is none."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    return pynvml
