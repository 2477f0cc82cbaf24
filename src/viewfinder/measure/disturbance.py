"""How much of the processors others used while requests were timed; called by `trial`."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psutil

MOST_FOREIGN = 0.2
"""Share of all processors above which a measurement is called contaminated."""


class Disturbance:
    """Adds up processor seconds over the timed stretches of a trial.

    `machine_s` gives the busy and idle seconds of all processors, `own_s` the seconds of some processes
    and of this one.
    """

    def __init__(
        self,
        machine_s: Callable[[], tuple[float, float]] | None = None,
        own_s: Callable[[list[int]], float] | None = None,
    ) -> None:
        self._machine_s, self._own_s = machine_s or read_machine_s, own_s or read_own_s
        self._foreign_s = 0.0
        self._available_s = 0.0

    @contextmanager
    def watch(self, tree: Callable[[], list[int]]) -> Iterator[None]:
        """Watch one stretch; `tree` lists the measured server's processes: they and ours are no strangers."""
        (busy_s, idle_s), own_s = self._machine_s(), self._own_s(tree())
        yield
        busy_after_s, idle_after_s = self._machine_s()
        busy_s, idle_s = busy_after_s - busy_s, idle_after_s - idle_s
        self._foreign_s += max(0.0, busy_s - (self._own_s(tree()) - own_s))
        self._available_s += busy_s + idle_s

    @property
    def seconds(self) -> tuple[float, float]:
        """Processor seconds that went to others, and all that there were."""
        return self._foreign_s, self._available_s

    def add(self, foreign_s: float, available_s: float) -> None:
        """Count the stretches of another process of the same trial."""
        self._foreign_s += foreign_s
        self._available_s += available_s

    @property
    def share(self) -> float:
        """Share of all processors' time that went to others, 0 to 1."""
        return share(self._foreign_s, self._available_s)

    def verdict(self) -> str:
        """A sentence when the measurement was contaminated, else ""."""
        return verdict(self._foreign_s, self._available_s)


def share(foreign_s: float, available_s: float) -> float:
    """What part of the processor seconds that there were went to others, 0 to 1."""
    return foreign_s / available_s if available_s > 0 else 0.0


def verdict(foreign_s: float, available_s: float) -> str:
    """A sentence when others used too much of the processors, else ""."""
    if (part := share(foreign_s, available_s)) <= MOST_FOREIGN:
        return ""
    return f"other programs used {100 * part:.0f} % of the processors while requests were timed"


def read_machine_s() -> tuple[float, float]:
    """Busy and idle seconds of all processors together; time stolen by a hypervisor is busy."""
    times = psutil.cpu_times()._asdict()
    idle_s = times["idle"] + times.get("iowait", 0.0)
    guests_s = times.get("guest", 0.0) + times.get("guest_nice", 0.0)  # in "user" and "nice" already
    return sum(times.values()) - idle_s - guests_s, idle_s


def read_own_s(tree: list[int]) -> float:
    """Processor seconds of these processes and of this one, since their start."""
    total_s = 0.0
    for pid in (*tree, os.getpid()):
        with suppress(psutil.Error):
            times = psutil.Process(pid).cpu_times()
            total_s += times.user + times.system
    return total_s
