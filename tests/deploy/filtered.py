"""Runs a command that may make only some system calls, as with `SystemCallFilter`; a child script.

    python filtered.py FILE COMMAND...

FILE has the names of the calls that are allowed, one a line. The others fail with EPERM.
"""

import ctypes
import errno
import os
import sys
from pathlib import Path

ALLOW, FAIL = 0x7FFF0000, 0x00050000 | errno.EPERM
UNKNOWN = -1
"""To libseccomp, of a name that this processor or this release does not have."""


def allow_only(names: list[str]) -> None:
    lib = ctypes.CDLL("libseccomp.so.2")
    lib.seccomp_init.restype = ctypes.c_void_p
    lib.seccomp_rule_add_array.argtypes = (
        ctypes.c_void_p,
        ctypes.c_uint32,
        ctypes.c_int,
        ctypes.c_uint,
        ctypes.c_void_p,
    )
    lib.seccomp_load.argtypes = (ctypes.c_void_p,)
    context = lib.seccomp_init(ctypes.c_uint32(FAIL))
    for name in names:
        number = lib.seccomp_syscall_resolve_name(name.encode())
        if number != UNKNOWN:
            assert lib.seccomp_rule_add_array(context, ALLOW, number, 0, None) in (0, -errno.EDOM), name
    assert lib.seccomp_load(context) == 0


allow_only(Path(sys.argv[1]).read_text().split())
os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606
