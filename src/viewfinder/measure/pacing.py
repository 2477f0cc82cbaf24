"""The warm-up of a fresh process, and how long a measure continues to ask a slow model; called by the
measures."""

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from viewfinder.measure.prompts import descriptions, without_images
from viewfinder.measure.subject import Subject

T = TypeVar("T")

_TEXTS, _IMAGES = 1, 2
WARM_UP_REQUESTS = _TEXTS + _IMAGES
WARM_UP = "warm-up"
"""The scenario of samples that count in no figure."""


async def warm_up(subject: Subject) -> None:
    """One question without an image and two with: the first image is slow even after text (llama.cpp
    #27147)."""
    for prompt in islice(without_images(subject.topic(WARM_UP)), _TEXTS):
        await subject.ask(WARM_UP, prompt)
    if subject.server.variant.vision:
        for prompt in islice(descriptions(subject.topic(WARM_UP)), _IMAGES):
            await subject.ask(WARM_UP, prompt)


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
