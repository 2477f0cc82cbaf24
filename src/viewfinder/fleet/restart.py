"""When a start that failed is tried again; pure, called by `server`."""

import random

LONGEST_S = 30.0
PERMANENT_SIGNALS = frozenset({4, 31})
"""SIGILL and SIGSYS: this build does not run on this computer, however often it is tried."""


def delay_s(failures: int, rng: random.Random) -> float:
    """Seconds to wait after so many failures in a row (1 or more): 1, 2, 4 ... 30, each 0 to 25 % longer."""
    return min(LONGEST_S, 2.0 ** (failures - 1)) * rng.uniform(1.0, 1.25)


def is_worth_trying(signal: int | None, failures: int, attempts: int) -> bool:
    """Whether a start that failed may be tried again."""
    return failures < attempts and signal not in PERMANENT_SIGNALS
