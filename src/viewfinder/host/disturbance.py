"""How much of the processors other programs used while requests were timed; filled by `measure/subject` and
by `fleet/health/upgrade_checks`."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import psutil

_MOST_FOREIGN = 0.2
"""Share of all processors above which a measurement is called contaminated."""


def read_machine_s() -> tuple[float, float]:
    """Busy and idle seconds of all processors together; time stolen by a hypervisor is busy."""
    times = psutil.cpu_times()._asdict()
    idle_s = times["idle"] + times.get("iowait", 0.0)
    guests_s = times.get("guest", 0.0) + times.get("guest_nice", 0.0)  # in "user" and "nice" already
    return sum(times.values()) - idle_s - guests_s, idle_s


def read_own_s(tree: list[int]) -> float:
    """Processor seconds of these processes and of this one since their start."""
    total_s = 0.0
    for pid in (*tree, os.getpid()):
        with suppress(psutil.Error):
            times = psutil.Process(pid).cpu_times()
            total_s += times.user + times.system
    return total_s


@dataclass(slots=True)
class Disturbance:
    """Adds up the processor seconds of the stretches in which requests to one process were timed:
    `foreign_s` of `available_s` went to other programs."""

    machine_s: Callable[[], tuple[float, float]] = field(default_factory=lambda: read_machine_s)
    own_s: Callable[[list[int]], float] = field(default_factory=lambda: read_own_s)
    foreign_s: float = 0.0
    available_s: float = 0.0

    @property
    def share(self) -> float:
        """The share of the processors that other programs used."""
        return self.foreign_s / self.available_s if self.available_s > 0 else 0.0

    @contextmanager
    def watch(self, tree: Callable[[], list[int]]) -> Iterator[None]:
        """Watch one stretch; `tree` lists the measured server's processes, which are not foreign."""
        (busy_s, idle_s), own_s = self.machine_s(), self.own_s(tree())
        yield
        busy_after_s, idle_after_s = self.machine_s()
        busy_s, idle_s = busy_after_s - busy_s, idle_after_s - idle_s
        self.foreign_s += max(0.0, busy_s - (self.own_s(tree()) - own_s))
        self.available_s += busy_s + idle_s


def clause(foreign_s: float, available_s: float) -> str:
    """Says that other programs used too much of the processor seconds; empty: they did not."""
    share = foreign_s / available_s if available_s > 0 else 0.0
    if share <= _MOST_FOREIGN:
        return ""
    return f"other programs used {100 * share:.0f} % of the processors while requests were timed"
