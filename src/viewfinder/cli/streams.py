"""The standard streams as a shell, a service or a container hands them over; called by `main`.

They may be closed, have an encoding without most letters, or lead to a reader that goes away.
"""

import contextlib
import os
import sys

PIPE_CLOSED = 141
"""The exit code of a program that SIGPIPE killed: what shells expect when a reader had enough."""


def prepare() -> None:
    """Make sure that there are three streams, and that every text can be written to two of them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # the next file to be opened, a database perhaps, would be taken for it
            os.open(os.devnull, os.O_RDWR)
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115
    sys.stdout = sys.stdout or open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = sys.stderr or open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # a test's own
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def abandon() -> None:
    """Drop what is not written yet: the interpreter would try again when it exits, and complain."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    os.close(nowhere)
