"""A process's physical footprint on macOS, now and at its highest; called by `memory`.

It is the number that Activity Monitor shows: compressed and graphics memory are in it, clean pages of mapped
files are not.
"""

import ctypes
import errno
import functools
import os
import struct

_RUSAGE_INFO_V4 = 4
_USAGE = struct.Struct("=16x35Q")
"""`struct rusage_info_v4` of <sys/resource.h>: a UUID and 35 counters."""
_PHYS_FOOTPRINT, _LIFETIME_MAX_PHYS_FOOTPRINT = 7, 28
"""Which of the counters."""


def physical_footprint(pid: int) -> tuple[int, int]:
    """Bytes now, and the most there ever were; (0, 0) when the process has ended.

    Raises PermissionError when the process is another user's.
    """
    usage = ctypes.create_string_buffer(_USAGE.size)
    if _libproc().proc_pid_rusage(pid, _RUSAGE_INFO_V4, usage) == 0:
        return footprints(usage.raw)
    number = ctypes.get_errno()
    if number == errno.ESRCH:
        return 0, 0
    raise OSError(number, os.strerror(number))  # PermissionError when that is what the number means


def footprints(usage: bytes) -> tuple[int, int]:
    """The two counters in the structure that `proc_pid_rusage` fills in."""
    counters = _USAGE.unpack(usage)
    return counters[_PHYS_FOOTPRINT], counters[_LIFETIME_MAX_PHYS_FOOTPRINT]


@functools.cache
def _libproc() -> ctypes.CDLL:
    return ctypes.CDLL("/usr/lib/libproc.dylib", use_errno=True)
