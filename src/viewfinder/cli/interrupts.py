"""Ctrl-C while a command is being prepared or has ended; called by `__main__`, `main` and `commands`.

Python would print a traceback of whatever it was importing. While a command works, Ctrl-C raises
KeyboardInterrupt as usual, so that the command can stop its engine and say what is kept.
"""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_CODE = 130
_IMPORTER = "<frozen importlib._bootstrap>"


class Interrupted(Exception):
    """Ctrl-C ended a command that had nothing to say about it."""


def before_work() -> None:
    """From now on Ctrl-C ends this process at once, unless its parent had it ignored."""
    _handle_by(_end)


def during_work() -> None:
    """From now on it raises KeyboardInterrupt, except in the middle of an import, which it ends at once.

    There an exception may be lost, become another one (pydantic's SchemaError, for example), or leave a lock
    that is never released: the next import of another thread then waits for ever.
    """
    _handle_by(_stop)


after_work = before_work


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


def _handle_by(handler: Callable[[int, FrameType | None], None]) -> None:
    if signal.getsignal(signal.SIGINT) in (signal.default_int_handler, _end, _stop):
        signal.signal(signal.SIGINT, handler)


def _stop(number: int, frame: FrameType | None) -> None:
    if _imports(frame):
        _end(number, frame)
    raise KeyboardInterrupt


def _imports(frame: FrameType | None) -> bool:
    while frame is not None and frame.f_code.co_filename != _IMPORTER:
        frame = frame.f_back
    return frame is not None


def _end(number: int, frame: FrameType | None) -> None:
    try:
        os.write(2, b"Interrupted.\n")
    finally:
        os._exit(EXIT_CODE)
