"""How much memory there is for models here: that of the computer, or of the container we run in.

Called by `hardware`, `fleet` and `doctor`; nobody else asks the system, which only knows the whole computer.
"""

import functools
import time
from dataclasses import dataclass

import psutil

from viewfinder.host.cgroups import Cgroups

LIMITS_HOLD_S = 10.0
"""How long a limit is taken for unchanged where it is asked for at every request: reading takes 0.4 ms."""


@dataclass(frozen=True, slots=True)
class MachineMemory:
    """`total_bytes` and `available_bytes` are what we may use; `computer_bytes` is what is built in."""

    total_bytes: int
    available_bytes: int
    computer_bytes: int

    @property
    def is_limited(self) -> bool:
        """Whether a container or a service has a limit below the computer's memory."""
        return self.total_bytes < self.computer_bytes


def machine_memory(cgroups: Cgroups | None = None) -> MachineMemory:
    """The memory now: the least of what the computer has and what each control group allows."""
    computer = psutil.virtual_memory()
    limits = (cgroups or Cgroups()).memory()
    return MachineMemory(
        total_bytes=min([computer.total, *(limit.limit_bytes for limit in limits)]),
        available_bytes=min([computer.available, *(limit.left_bytes for limit in limits)]),
        computer_bytes=computer.total,
    )


def memory_total_bytes() -> int:
    """How much memory we may use in all, as it was at most a few seconds ago."""
    return _total_bytes(int(time.monotonic() / LIMITS_HOLD_S))


@functools.lru_cache(maxsize=1)
def _total_bytes(period: int) -> int:
    return machine_memory().total_bytes
