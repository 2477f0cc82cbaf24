"""One target under hypothesis, where atheris has no wheel; started by `session` as a process.

It changes the known inputs at random, and sees no coverage: it finds less, but on every computer.
Usage: python -m tests.fuzz.unguided TARGET SECONDS PREFIX_OF_FINDINGS
"""

import hashlib
import itertools
import logging
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from .table import BY_NAME, Target

EXAMPLES = 500
"""In one go; then it is looked at the clock."""


def hunt(target: Target, seconds: float) -> tuple[int, bytes | None]:
    """How many inputs were tried, and one that fails, made as small as that was easy, or None."""
    ends_s = time.monotonic() + seconds
    tried, failing = 0, None

    def one_input(data: bytes) -> None:
        nonlocal tried, failing
        tried += 1
        try:
            target.check(data[: target.most_bytes])
        except BaseException:
            failing = data[: target.most_bytes]
            raise

    for number in itertools.count(time.time_ns() % 2**32):
        if failing is not None or time.monotonic() > ends_s:
            return tried, failing
        _examples(one_input, inputs(target), number)
    raise AssertionError


def inputs(target: Target) -> st.SearchStrategy[bytes]:
    """Known inputs with some of their bytes replaced, and bytes of any kind."""
    known = [b"", *target.seeds(), *(file.read_bytes() for file in target.kept())]
    pieces = st.binary(max_size=8) | st.sampled_from([word.encode() for word in ("", *target.words.split())])
    changes = st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 16), pieces), max_size=4)
    return st.binary(max_size=200) | st.builds(_changed, st.sampled_from(known), changes)


def _changed(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for where, length, piece in changes:
        at = where % (len(data) + 1)
        data = data[:at] + piece + data[at + length :]
    return data


def _examples(one_input: Callable[[bytes], None], strategy: st.SearchStrategy[bytes], number: int) -> None:
    """Some examples; a failing one is made smaller, and left to the caller."""
    checks = settings(
        max_examples=EXAMPLES, database=None, deadline=None, suppress_health_check=list(HealthCheck)
    )
    try:
        seed(number)(checks(given(strategy)(one_input)))()
    except Exception as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)


def main(name: str, seconds: str, prefix: str) -> int:
    logging.disable()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # an exception may be lost in a callback of hypothesis
    print("#0\thypothesis", flush=True)
    tried, failing = hunt(BY_NAME[name], float(seconds))
    print(f"Done {tried} runs")
    if failing is None:
        return 0
    file = Path(f"{prefix}crash-{hashlib.sha1(failing, usedforsecurity=False).hexdigest()}")
    file.write_bytes(failing)
    print(f"Test unit written to {file}")
    return 1


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
