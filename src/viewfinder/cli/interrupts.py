"""Ctrl-C while a command is being prepared or has ended; called by `__main__`, `main` and `commands`.

Python would print a traceback of whatever it was importing. While a command works, Ctrl-C raises
KeyboardInterrupt as usual, so that the command can stop its engine and say what is kept.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_CODE = 130


class Interrupted(Exception):
    """Ctrl-C ended a command that had nothing to say about it."""


def before_work() -> None:
    """From now on Ctrl-C ends this process at once, unless its parent had it ignored."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _end)


def during_work() -> None:
    """From now on it raises KeyboardInterrupt."""
    if signal.getsignal(signal.SIGINT) is _end:
        signal.signal(signal.SIGINT, signal.default_int_handler)


after_work = before_work


class Importing:
    """While a command imports what it works with, Ctrl-C ends it at once: nothing has begun to be stopped.

    In the middle of an import, KeyboardInterrupt may be lost, with a lock that is never released: the next
    import of another thread then waits for ever. A `chat` that was starting did.
    """

    def __enter__(self) -> None:
        before_work()

    def __exit__(self, *_: object) -> None:
        during_work()


@contextmanager
def ignored() -> Iterator[None]:
    """While the last words are printed: one more signal would only cut them short."""
    before = {one: signal.signal(one, signal.SIG_IGN) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def is_behind(error: BaseException) -> bool:
    """Whether Ctrl-C caused it: Python makes a RuntimeError of one that comes while it builds a class."""
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, KeyboardInterrupt):
        seen = seen.__cause__ or seen.__context__
    return seen is not None


def _end(number: int, frame: FrameType | None) -> None:
    try:
        os.write(2, b"Interrupted.\n")
    finally:
        os._exit(EXIT_CODE)
