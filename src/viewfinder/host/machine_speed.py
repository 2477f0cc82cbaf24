"""How fast this computer is at the moment; called by `fleet/health/upgrade_checks`."""

import hashlib
import time
from functools import cache

_BYTES = 4 * 1024 * 1024
_COPIES = 4


def own_work_s() -> float:
    """Seconds that a small piece of work of one core takes, always the same: hashing and copying memory.

    A few milliseconds: call it in a thread.
    """
    data = _data()
    started_s = time.perf_counter()
    hashlib.sha256(data).digest()
    for _ in range(_COPIES):
        bytearray(data)
    return time.perf_counter() - started_s


@cache
def _data() -> bytes:
    return bytes(range(256)) * (_BYTES // 256)
