"""The mini-bench of one server process while it is made; a part of `entry`, written by `upgrade_checks`."""

import asyncio
from dataclasses import dataclass, field
from statistics import median

from viewfinder.client.exchange import Exchange
from viewfinder.fleet.health.upgrade import MiniBench, digest
from viewfinder.fleet.health.upgrade_notes import UpgradeReport
from viewfinder.fleet.process.life import Life
from viewfinder.host.disturbance import Disturbance


@dataclass(slots=True, eq=False)
class UpgradeRecord:
    """How far the mini-bench of the process `life` is: `next_request` is the number of the next request,
    `asked_s` the time that those before took together.

    `report` is the last one of this variant. `running` is the task, while there is one. Nothing is tried
    before `wait_until_s` of the monotonic clock, or once it `is_done`. `disturbance` is that of the requests
    so far, and `attempts` the mini-benches that were begun because other programs disturbed the one before.
    """

    life: Life | None = None
    next_request: int = 0
    asked_s: float = 0.0
    is_done: bool = False
    wait_until_s: float = 0.0
    report: UpgradeReport | None = None
    running: asyncio.Task[None] | None = None
    attempts: int = 1
    disturbance: Disturbance = field(default_factory=Disturbance)
    _answers: dict[str, str] = field(default_factory=dict)
    _times_s: dict[str, float] = field(default_factory=dict)
    _machine_s: list[float] = field(default_factory=list)

    def note(self, name: str, exchange: Exchange, machine_s: float, *, is_warm_up: bool) -> None:
        """Note an answer; the time of the first request of a process says nothing of the later ones."""
        self._answers[name] = digest(exchange.text)
        if not is_warm_up:
            self._times_s[name] = exchange.e2e_s
            self._machine_s.append(machine_s)

    def begin_again(self) -> None:
        """Forget what was answered, because the times were disturbed."""
        self.attempts += 1
        self.next_request, self.asked_s, self.disturbance = 0, 0.0, Disturbance()
        self._answers.clear()
        self.forget_times()

    def forget_times(self) -> None:
        """Keep the answers alone."""
        self._times_s.clear()
        self._machine_s.clear()

    @property
    def bench(self) -> MiniBench:
        """What was answered so far."""
        return MiniBench(dict(self._answers), dict(self._times_s), median(self._machine_s or [1.0]))
