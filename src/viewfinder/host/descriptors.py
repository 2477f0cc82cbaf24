"""How many files and connections this process may have open; called by api at its start, and by all who must
tell a lack of them from a fault of the other side.
"""

import errno
import resource
from contextlib import suppress

WANTED = 65_536
MACOS_MOST = 10_240
"""macOS gives no more, although its hard limit is infinite."""

SHORTAGES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EAGAIN})


def raise_limit() -> int:
    """Raise the soft limit as far as this user may, and return it; shells often set 1,024 or 256."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (WANTED, MACOS_MOST):
        most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        if soft != resource.RLIM_INFINITY and soft < most:
            with suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
                break
    return limit()


def limit() -> int:
    """The soft limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return WANTED if soft == resource.RLIM_INFINITY else soft


def is_shortage(error: BaseException) -> bool:
    """Whether the system ran out of descriptors or memory for them; it says nothing about the other side."""
    return isinstance(error, OSError) and error.errno in SHORTAGES
