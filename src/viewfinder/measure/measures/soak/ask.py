"""Many requests in a row, an image of its own in each: does the server's memory grow, does it become slower,
does it still know what it knew at the beginning?"""

import itertools
from collections.abc import Iterator, Sequence
from itertools import islice

from viewfinder.measure.measures.soak.counts import SoakCounts
from viewfinder.measure.measures.soak.held import held
from viewfinder.measure.pacing import paced
from viewfinder.measure.prompts import Prompt, about_images
from viewfinder.measure.subject import Subject
from viewfinder.measure.troubles.pictures import ALL, WALKED, pictures

CANARIES = ALL - WALKED
LEAST_REQUESTS = 40
"""Of each kind, asked of even the slowest model."""
EVERY = 20
"""One request in 20 is a canary."""
SAME_SHARE = 4
"""One request in 4 is made once more at the end, with one and the same image."""
NEW, CANARY, SAME = "soak/new", "soak/canary", "soak/same"


async def soak(subject: Subject, counts: SoakCounts, nth: int) -> None:
    """New images with canaries in between, then one image again and again."""
    known = pictures()[WALKED:]
    for prompt in known:
        await subject.ask(CANARY, prompt)
    fresh = about_images(subject.topic("soak"))
    for scenario, prompt in paced(_requests(fresh, known), counts.requests, LEAST_REQUESTS, counts.budget_s):
        await _ask(subject, scenario, prompt)
    again = itertools.repeat((SAME, known[0]))
    for scenario, prompt in paced(again, _same(counts), LEAST_REQUESTS, counts.budget_s):
        await _ask(subject, scenario, prompt)


def steps(counts: SoakCounts, nth: int) -> int:
    """How many requests its process is asked at most."""
    return CANARIES + counts.requests + _same(counts)


def _same(counts: SoakCounts) -> int:
    return max(LEAST_REQUESTS, counts.requests // SAME_SHARE)


def _requests(fresh: Iterator[Prompt], known: Sequence[Prompt]) -> Iterator[tuple[str, Prompt]]:
    canaries = itertools.cycle(known)
    while True:
        yield from ((NEW, prompt) for prompt in islice(fresh, EVERY - 1))
        yield CANARY, next(canaries)


async def _ask(subject: Subject, scenario: str, prompt: Prompt) -> None:
    await subject.ask(scenario, prompt)
    if subject.server.is_ours:
        phase = SAME if scenario == SAME else NEW
        for name, value in held(subject.server.pids()).items():
            subject.noted[f"{phase}/{name}"].append(value)
