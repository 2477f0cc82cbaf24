"""Requests to a warm process, one at a time, each with a new image, except for the repeats; back to back, and
after pauses."""

import asyncio
import random
from itertools import repeat

from viewfinder.measure.forecast import Batch, RequestKind
from viewfinder.measure.measures.latency.counts import LatencyCounts
from viewfinder.measure.measures.latency.pauses import PAUSED
from viewfinder.measure.pacing import WARM_UP_REQUESTS, paced, warm_up
from viewfinder.measure.prompts import about_images, descriptions, without_images
from viewfinder.measure.subject import Subject

_PROMPTS = {"images": descriptions, "short": about_images, "texts": without_images}
"""The prompts of each scenario; those of "repeats" are one and the same."""
_KINDS: dict[str, RequestKind] = {"images": "long", "short": "image", "repeats": "long", "texts": "text"}
_LEAST_REQUESTS = {"images": 3, "texts": 3}
"""Requests that even the slowest model gets; of the other kinds it gets one."""


def steps(counts: LatencyCounts, nth: int) -> int:
    timed = counts.images + counts.texts + counts.short + counts.repeats
    return WARM_UP_REQUESTS + bool(counts.repeats) + timed + len(PAUSED) * counts.paused


def batches(counts: LatencyCounts, nth: int) -> list[Batch]:
    timed = (
        Batch(getattr(counts, scenario), kind, _LEAST_REQUESTS.get(scenario, 1), counts.budget_s)
        for scenario, kind in _KINDS.items()
    )
    paused = (
        Batch(counts.paused, "image", 1, counts.budget_s, pause_s=pause_s) for pause_s in PAUSED.values()
    )
    return [Batch(WARM_UP_REQUESTS, "long"), *timed, *paused]


async def timed_requests(subject: Subject, counts: LatencyCounts, nth: int) -> None:
    """Every kind in turn, after a warm-up; in another order on each process, so that a drift within processes
    favors none."""
    await warm_up(subject)
    subject.look_for_peak()
    with_images = ["images", "short", "repeats", *PAUSED]
    scenarios = [*with_images, "texts"] if subject.server.variant.vision else ["texts"]
    order = random.Random(f"latency/{subject.run}/{subject.server.card.name}/{subject.process}")
    with subject.watched():
        for scenario in order.sample(scenarios, len(scenarios)):
            await _ask(subject, scenario, counts)


async def _ask(subject: Subject, scenario: str, counts: LatencyCounts) -> None:
    """The requests of one kind, with a reading of the memory after each. The first of the repeats, where both
    image and question are new, has its own scenario."""
    most: int = counts.paused if scenario in PAUSED else getattr(counts, scenario)
    if scenario in PAUSED:
        prompts = about_images(subject.topic(scenario))
    elif scenario != "repeats":
        prompts = _PROMPTS[scenario](subject.topic(scenario))
    elif most:
        prompt = next(descriptions(subject.topic(scenario)))
        await subject.ask("repeats/new", prompt)
        prompts = repeat(prompt)
    else:
        return
    for prompt in paced(prompts, most, _LEAST_REQUESTS.get(scenario, 1), counts.budget_s):
        await asyncio.sleep(PAUSED.get(scenario, 0.0))
        await subject.ask(scenario, prompt)
        subject.look_for_peak()
