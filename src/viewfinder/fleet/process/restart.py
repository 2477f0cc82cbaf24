"""When a server process that died is restarted; pure, called by `server`."""

import random
from dataclasses import dataclass

from viewfinder.core.config import FleetSettings

LONGEST_BACKOFF_S = 30.0
PERMANENT_SIGNALS = frozenset({4, 31})
"""SIGILL and SIGSYS: this build cannot run on this computer, so a retry is useless."""


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """A process is given up after `deaths` deaths within `within_s`; after `stable_s` up, the count restarts.

    With `revives` False only a failed start is retried, and a process that dies after it was ready stays
    dead: a measurement must show the death.
    """

    deaths: int = 2
    within_s: float = 60.0
    stable_s: float = 10.0
    revives: bool = False

    @classmethod
    def of(cls, settings: FleetSettings) -> "RestartPolicy":
        """The policy of a fleet, which keeps its processes up."""
        return cls(settings.deaths, settings.deaths_within_s, settings.stable_s, revives=True)


@dataclass(frozen=True, slots=True)
class Death:
    """One death: when, how long after it became ready (None: it never did), and by which signal."""

    at_s: float
    up_s: float | None
    signal: int | None = None


def in_a_row(deaths: tuple[Death, ...], policy: RestartPolicy) -> tuple[Death, ...]:
    """The deaths that count: from the last one before which the process was up for `stable_s`."""
    for index in range(len(deaths) - 1, -1, -1):
        if (deaths[index].up_s or 0.0) >= policy.stable_s:
            return deaths[index:]
    return deaths


def restart_after_s(deaths: tuple[Death, ...], policy: RestartPolicy, rng: random.Random) -> float | None:
    """Seconds to wait before the next start after the last of these deaths; None: do not start it again.

    After its first death, a process that was ready is restarted at once: most such deaths have a cause
    outside, and requests wait. Later deaths and failed starts wait 1, 2, 4 ... 30 s, plus 0 to 25 % of
    jitter.
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
    return min(LONGEST_BACKOFF_S, 2.0**doublings) * rng.uniform(1.0, 1.25)
