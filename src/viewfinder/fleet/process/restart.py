"""When a server process that died is started again; pure, called by `server`."""

import random
from dataclasses import dataclass

from viewfinder.core.config import FleetSettings

LONGEST_S = 30.0
PERMANENT_SIGNALS = frozenset({4, 31})
"""SIGILL and SIGSYS: this build does not run on this computer, however often it is tried."""


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """So many `deaths` within `within_s` are the last; who was up for `stable_s` begins a new row.

    With `revives` False only a start that fails is tried again, and a death after it is the end: the
    bench wants to see what happens, not to have it mended.
    """

    deaths: int = 2
    within_s: float = 60.0
    stable_s: float = 10.0
    revives: bool = False

    @classmethod
    def of(cls, settings: FleetSettings) -> "RestartPolicy":
        """A fleet's policy: it keeps its processes up."""
        return cls(settings.deaths, settings.deaths_within_s, settings.stable_s, revives=True)


@dataclass(frozen=True, slots=True)
class Death:
    """One death: when, after how long of being ready (None: it never was), by which signal."""

    at_s: float
    up_s: float | None
    signal: int | None = None


def in_a_row(deaths: tuple[Death, ...], policy: RestartPolicy) -> tuple[Death, ...]:
    """The deaths that count: those since the last time that the process was stable."""
    for index in range(len(deaths) - 1, -1, -1):
        if (deaths[index].up_s or 0.0) >= policy.stable_s:
            return deaths[index:]
    return deaths


def restart_after_s(deaths: tuple[Death, ...], policy: RestartPolicy, rng: random.Random) -> float | None:
    """Seconds until the next start after the last of these deaths; None: there is none.

    The first death of a process that was ready is mended at once: most come from outside, and somebody
    waits. Those that follow it, and starts that fail, wait 1, 2, 4 ... 30 s, each 0 to 25 % longer.
    """
    row = in_a_row(deaths, policy)
    last = row[-1]
    if last.signal in PERMANENT_SIGNALS or (last.up_s is not None and not policy.revives):
        return None
    recent = [death for death in row if last.at_s - death.at_s < policy.within_s]
    if len(recent) >= policy.deaths:
        return None
    doublings = len(row) - (1 if row[0].up_s is None else 2)
    if doublings < 0:
        return 0.0
    return min(LONGEST_S, 2.0**doublings) * rng.uniform(1.0, 1.25)
