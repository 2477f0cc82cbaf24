"""Requests with an image of their own each, with known images in between, then with always the same image."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import cycle, islice, repeat

import psutil

from viewfinder.host.memory import measure_tree
from viewfinder.measure.forecast import Batch
from viewfinder.measure.measures.soak.counts import SoakCounts
from viewfinder.measure.pacing import paced
from viewfinder.measure.prompts import Prompt, about_images
from viewfinder.measure.subject import Subject
from viewfinder.measure.troubles.pictures import ALL, WALKED, pictures

CANARIES = ALL - WALKED
_LEAST_REQUESTS = 40
"""Requests of each kind that even the slowest model gets."""
_CANARY_EVERY = 20
"""One request in 20 is a canary."""
_SAME_SHARE = 4
"""At the end come a quarter as many requests again, all with the same image."""
NEW, CANARY, SAME = "soak/new", "soak/canary", "soak/same"


async def soak(subject: Subject, counts: SoakCounts, nth: int) -> None:
    known = pictures()[WALKED:]
    for prompt in known:
        await subject.ask(CANARY, prompt)
    fresh = about_images(subject.topic("soak"))
    for scenario, prompt in paced(_requests(fresh, known), counts.requests, _LEAST_REQUESTS, counts.budget_s):
        await _ask(subject, scenario, prompt)
    again = repeat((SAME, known[0]))
    for scenario, prompt in paced(again, _same(counts), _LEAST_REQUESTS, counts.budget_s):
        await _ask(subject, scenario, prompt)


def steps(counts: SoakCounts, nth: int) -> int:
    return CANARIES + counts.requests + _same(counts)


def batches(counts: SoakCounts, nth: int) -> list[Batch]:
    asked = (counts.requests, _same(counts))
    return [Batch(CANARIES), *(Batch(most, "image", _LEAST_REQUESTS, counts.budget_s) for most in asked)]


def _same(counts: SoakCounts) -> int:
    return max(_LEAST_REQUESTS, counts.requests // _SAME_SHARE)


def _requests(fresh: Iterator[Prompt], known: Sequence[Prompt]) -> Iterator[tuple[str, Prompt]]:
    canaries = cycle(known)
    while True:
        yield from ((NEW, prompt) for prompt in islice(fresh, _CANARY_EVERY - 1))
        yield CANARY, next(canaries)


async def _ask(subject: Subject, scenario: str, prompt: Prompt) -> None:
    await subject.ask(scenario, prompt)
    if subject.server.is_ours:
        phase = SAME if scenario == SAME else NEW
        for name, value in held(subject.server.pids()).items():
            subject.noted[f"{phase}/{name}"].append(value)


FOOTPRINT, DESCRIPTORS, THREADS = "footprint_bytes", "descriptors", "threads"


def held(pids: Sequence[int]) -> dict[str, float]:
    """Its footprint in bytes, its open descriptors and its threads."""
    descriptors = threads = 0
    for pid in pids:
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            descriptors += process.num_fds()
            threads += process.num_threads()
    return {
        FOOTPRINT: float(measure_tree(pids).footprint_bytes),
        DESCRIPTORS: float(descriptors),
        THREADS: float(threads),
    }
