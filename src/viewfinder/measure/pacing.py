"""How long a measure continues to ask a slow model; called by the measures."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def paced(
    prompts: Iterable[T],
    most: int,
    least: int,
    budget_s: float,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[T]:
    """At most `most` prompts; after the first `least` of them, none once `budget_s` seconds are over."""
    start_s = clock()
    for number, prompt in enumerate(islice(prompts, most)):
        if number >= least and clock() - start_s > budget_s:
            return
        yield prompt
