"""Requests to a warm process, one at a time, each with a new image, except for the repeats."""

import random
from collections.abc import Iterable
from itertools import repeat

from viewfinder.measure.measures.latency.counts import LatencyCounts
from viewfinder.measure.pacing import WARM_UP_REQUESTS, paced, warm_up
from viewfinder.measure.prompts import Prompt, about_images, descriptions, without_images
from viewfinder.measure.subject import Subject

_LEAST_REQUESTS = 3
"""Requests with images and with texts that even the slowest model gets; of the other kinds it gets one."""


def steps(counts: LatencyCounts, nth: int) -> int:
    timed = counts.images + counts.texts + counts.short + counts.repeats
    return WARM_UP_REQUESTS + bool(counts.repeats) + timed


async def timed_requests(subject: Subject, counts: LatencyCounts, nth: int) -> None:
    """Every kind in turn, after a warm-up; in another order on each process, so that a drift within processes
    favors none."""
    await warm_up(subject)
    subject.look_for_peak()
    kinds = [_images, _short, _repeats] if subject.server.variant.vision else []
    kinds.append(_texts)
    order = random.Random(f"latency/{subject.run}/{subject.server.card.name}/{subject.process}")
    with subject.watched():
        for requests in order.sample(kinds, len(kinds)):
            await requests(subject, counts)


async def _images(subject: Subject, counts: LatencyCounts) -> None:
    """The requests of the average inference: a new 512 px image, a fixed question, 64 tokens at most."""
    await _ask("images", descriptions(subject.topic("images")), counts.images, subject, counts)


async def _short(subject: Subject, counts: LatencyCounts) -> None:
    """A new image each, and a question that is answered in one word."""
    await _ask("short", about_images(subject.topic("short")), counts.short, subject, counts, least=1)


async def _repeats(subject: Subject, counts: LatencyCounts) -> None:
    """The same image and question again and again; the first request, where both are new, has its own
    scenario."""
    if not counts.repeats:
        return
    prompt = next(descriptions(subject.topic("repeats")))
    await subject.ask("repeats/new", prompt)
    await _ask("repeats", repeat(prompt), counts.repeats, subject, counts, least=1)


async def _texts(subject: Subject, counts: LatencyCounts) -> None:
    """Short questions without an image, no two alike."""
    await _ask("texts", without_images(subject.topic("texts")), counts.texts, subject, counts)


async def _ask(
    scenario: str,
    prompts: Iterable[Prompt],
    most: int,
    subject: Subject,
    counts: LatencyCounts,
    least: int = _LEAST_REQUESTS,
) -> None:
    """One request after the other, with a reading of the memory after each."""
    for prompt in paced(prompts, most, least, counts.budget_s):
        await subject.ask(scenario, prompt)
        subject.look_for_peak()
