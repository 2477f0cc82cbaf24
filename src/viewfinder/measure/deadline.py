"""The time that a run may take, as the user gives it ("10m"), and how much of it is left; called by `api`,
`runner` and `subject`."""

import math
import re
import time
from collections.abc import Callable

from viewfinder.core.errors import BadRequest

_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0}
_FORM = re.compile(r"(\d+(?:\.\d+)?)\s*([smh])")


class TimeIsUp(Exception):
    """The time is spent: nothing more is begun."""


def seconds(words: str) -> float:
    """`90s`, `10m` or `1.5h` in seconds. Raises BadRequest."""
    found = _FORM.fullmatch(words.strip().lower())
    if found is None or not float(found[1]):
        raise BadRequest(
            f"{words!r} is not a valid budget.", hint="Give it as 90s, 10m or 1h.", param="budget"
        )
    return float(found[1]) * _UNITS_S[found[2]]


class Deadline:
    """Counts from its creation; `limit_s` 0 is no limit."""

    def __init__(self, limit_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._end_s = clock() + limit_s if limit_s else math.inf
        self.clock = clock

    @property
    def left_s(self) -> float:
        return max(0.0, self._end_s - self.clock())

    def spend(self, seconds: float) -> None:
        """Subtract the seconds that were spent before an interruption."""
        self._end_s -= seconds

    def require(self) -> None:
        """Raise TimeIsUp when no time is left. A request that was begun before is finished, so the limit is
        exceeded by one request's timeout at most."""
        if not self.left_s:
            raise TimeIsUp
