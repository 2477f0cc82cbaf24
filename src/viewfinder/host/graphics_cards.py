"""The makers of the graphics cards that are built in, whether or not a driver lets programs compute on them.

Called by `doctor`'s checks; `hardware` has the graphics that engines can use.
"""

import sys
from pathlib import Path

_MAKERS = {"0x10de": "NVIDIA", "0x1002": "AMD", "0x8086": "Intel"}
"""By the numbers of the PCI bus; others are those of virtual machines and of servers' consoles."""
_CARDS = Path("/sys/class/drm")


def card_makers(folder: Path = _CARDS) -> tuple[str, ...]:
    """Each maker once, in the order NVIDIA, AMD, Intel; empty where the system does not say."""
    if sys.platform != "linux":
        return ()
    numbers = set()
    for file in folder.glob("card*/device/vendor"):
        try:
            numbers.add(file.read_text(encoding="ascii").strip())
        except (OSError, ValueError):
            continue
    return tuple(maker for number, maker in _MAKERS.items() if number in numbers)
