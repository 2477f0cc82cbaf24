"""Pictures in every order, repeats, clients that disconnect, errors in between, several requests at once.

Engines have mixed up their users' pictures in all these ways (a cache that identifies an image by its memory
address, a model that keeps its first image's features, a prompt cache that ignores images), and a single
request shows none of it.
"""

import asyncio
from itertools import cycle

from viewfinder.measure.forecast import Batch
from viewfinder.measure.measures.stability import scenarios
from viewfinder.measure.measures.stability.counts import StabilityCounts
from viewfinder.measure.pacing import paced
from viewfinder.measure.prompts import Prompt, without_images
from viewfinder.measure.subject import Subject
from viewfinder.measure.troubles import pictures

_AT_ONCE = (2, 4)
"""Numbers of clients that send requests at the same time."""
_ORDERS = ((0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2))
"""Of each four pictures, by process: none comes first twice, nor twice after the same one."""
_LEAST_OF_EACH = 12
"""Requests of each kind that even the slowest model gets; or the suite's number, where that is less."""
DISCONNECT_S = 0.25
"""An engine notices that its client has disconnected when it writes the next words."""


async def ask_nth(subject: Subject, counts: StabilityCounts, nth: int) -> None:
    """The first processes give the references; the next gets the walk through the pictures, and the last gets
    the same request again and again, then requests of several clients at once."""
    match nth - counts.references:
        case 0:
            await _walk(subject, counts)
        case 1:
            await _repeat(subject, counts)
            for clients in _AT_ONCE:
                await _together(subject, counts, clients)
        case _:
            await _refer(subject, counts, nth)


def steps(counts: StabilityCounts, nth: int) -> int:
    match nth - counts.references:
        case 0:
            return counts.walk + 2 * len(scenarios.BETWEEN) * counts.between
        case 1:
            return counts.repeats + len(_AT_ONCE) * counts.together
        case _:
            return pictures.ALL


def batches(counts: StabilityCounts, nth: int) -> list[Batch]:
    least, budget_s = _LEAST_OF_EACH, counts.budget_s
    kinds = 2 * len(scenarios.BETWEEN)
    match nth - counts.references:
        case 0:
            between = Batch(kinds * counts.between, "image", kinds, budget_s)
            return [Batch(counts.walk, "image", least, budget_s), between]
        case 1:
            together = [Batch(counts.together, "image", least, budget_s) for _ in _AT_ONCE]
            return [Batch(counts.repeats, "image", least, budget_s), *together]
        case _:
            return [Batch(pictures.ALL, "image", len(_ORDERS[0]), budget_s)]


async def _refer(subject: Subject, counts: StabilityCounts, nth: int) -> None:
    """Each picture once, in an order of its own: an answer that depends on what was shown before is not the
    same in two processes."""
    order = _ORDERS[nth % len(_ORDERS)]
    groups = range(0, pictures.ALL, len(order))
    shown = (pictures.pictures()[first + number] for first in groups for number in order)
    for prompt in paced(shown, pictures.ALL, len(order), counts.budget_s):
        await _ask(subject, scenarios.REFERENCE, prompt)


async def _walk(subject: Subject, counts: StabilityCounts) -> None:
    """Every picture after every other; then more of the walk, with another kind of request between each
    two."""
    shown = (pictures.pictures()[number] for number in pictures.walk())
    for prompt in paced(shown, counts.walk, _LEAST_OF_EACH, counts.budget_s):
        await _ask(subject, scenarios.ONE_BY_ONE, prompt)
    kinds = [kind for kind in scenarios.BETWEEN if kind != "text" or subject.server.variant.text]
    texts = without_images("stability")
    most = len(kinds) * counts.between
    for kind in paced(cycle(kinds), most, len(kinds), counts.budget_s):
        await _interrupt(subject, kind, next(texts) if kind == "text" else next(shown))
        await _ask(subject, f"{scenarios.AFTER}{kind}", next(shown))


async def _interrupt(subject: Subject, kind: str, prompt: Prompt) -> None:
    """A request of one of the kinds in scenarios.BETWEEN."""
    scenario = f"stability/{kind}"
    match kind:
        case "text":
            await _ask(subject, scenario, prompt)
        case "long":
            await _ask(subject, scenario, pictures.about(prompt, pictures.LONG))
        case "leave":
            await subject.ask_and_disconnect(scenario, pictures.about(prompt, pictures.AT_LENGTH))
            await asyncio.sleep(DISCONNECT_S)
        case "broken":
            await subject.ask(scenario, pictures.broken())


async def _repeat(subject: Subject, counts: StabilityCounts) -> None:
    """The same request again and again, which is new to the process at first."""
    same = cycle([pictures.pictures()[pictures.WALKED]])
    for prompt in paced(same, counts.repeats, _LEAST_OF_EACH, counts.budget_s):
        await _ask(subject, scenarios.REPEAT, prompt)


async def _together(subject: Subject, counts: StabilityCounts, clients: int) -> None:
    """`clients` that each send their next request as soon as they have an answer."""
    shown = (pictures.pictures()[number] for number in pictures.walk())
    waiting = paced(shown, counts.together, _LEAST_OF_EACH, counts.budget_s)

    async def client() -> None:
        for prompt in waiting:
            await subject.ask(f"{scenarios.TOGETHER}{clients}", prompt)

    tasks = [asyncio.create_task(client()) for _ in range(clients)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _ask(subject: Subject, scenario: str, prompt: Prompt) -> None:
    """A request that fails is sent once more, which shows whether the process recovered."""
    if (await subject.ask(scenario, prompt)).exchange.error:
        await subject.ask(scenarios.AGAIN, prompt)
