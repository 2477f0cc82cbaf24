"""What every fuzzed function must keep to, whatever it gets; called by the targets.

A target returns for any bytes. It raises Defect, or the error that nobody foresaw, only for a true defect.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from viewfinder.core.errors import ViewfinderError
from viewfinder.core.terminal import harmless

CPU_LIMIT_S = 1.0
"""For one input of at most 64 KiB, not traced."""
MOST_MESSAGE_CHARS = 1000


class Defect(AssertionError):
    """A promise that was not kept."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a call returned, or the documented error that it raised."""

    value: Any = None
    error: Exception | None = None


def attempt(call: Callable[[], object], *errors: type[Exception]) -> Result:
    """The result of a call that may raise these errors and no others."""
    try:
        return Result(value=call())
    except errors as error:
        if isinstance(error, ViewfinderError):
            require_readable(error)
        return Result(error=error)


def require(promise: bool, broken: str) -> None:
    if not promise:
        raise Defect(broken)


def require_readable(error: ViewfinderError) -> None:
    """An error has a code, and a sentence that a person can read."""
    require(re.fullmatch(r"[a-z0-9_]+", error.reason) is not None, f"no code: {error.reason!r}")
    require(0 < len(error.message) <= MOST_MESSAGE_CHARS, f"a message of {len(error.message)} characters")
    require(len(error.hint) <= MOST_MESSAGE_CHARS, f"a hint of {len(error.hint)} characters")
    require(len(error.param or "") <= MOST_MESSAGE_CHARS, "a param that is too long")


def require_harmless(error: ViewfinderError) -> None:
    """No sentence of it controls a terminal; `param` may be the client's own name of a field."""
    for text in (error.message, error.hint):
        require(harmless(text) == text and "\n" not in text, f"it controls the terminal: {text[:100]!r}")


@contextmanager
def within(limit_s: float) -> Iterator[None]:
    """The block takes no more processor time than that, so that a busy machine makes no defect."""
    began_s = time.thread_time()
    yield
    took_s = time.thread_time() - began_s
    require(took_s <= limit_s, f"it took {took_s:.2f} s of processor time; the most is {limit_s:g} s")


@contextmanager
def constants(module: object, **values: object) -> Iterator[None]:
    """Other constants of a module, for the block: small windows meet their borders in small inputs."""
    before = {name: getattr(module, name) for name in values}
    for name, value in values.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)
