"""At most one line of log a minute for each message: a stranger who repeats a fault must not fill a disk.

Added by `api` and `gateway` to the loggers whose lines strangers can cause.
"""

import logging
import time
from collections.abc import Callable

MINUTE_S = 60.0
KEPT_MESSAGES = 256


class Seldom(logging.Filter):
    """Lets a message through once in `every_s`; the next one says how many were left out.

    Messages are told apart by their first line as it is written in the code, not by their values.
    """

    def __init__(self, every_s: float = MINUTE_S, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._every_s, self._clock = every_s, clock
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}
        """Message > when it was last let through, and how many were left out since."""

    def filter(self, record: logging.LogRecord) -> bool:
        key = (record.name, str(record.msg).partition("\n")[0][:100])
        now_s = self._clock()
        last_s, left_out = self._seen.get(key, (-self._every_s, 0))
        if now_s - last_s < self._every_s:
            self._seen[key] = (last_s, left_out + 1)
            return False
        self._seen.pop(key, None)  # the newest is the last
        self._seen[key] = (now_s, 0)
        while len(self._seen) > KEPT_MESSAGES:
            del self._seen[next(iter(self._seen))]
        if left_out:
            record.msg = f"{record.getMessage()} ({left_out} more of these since the last line)"
            record.args = ()
        return True
