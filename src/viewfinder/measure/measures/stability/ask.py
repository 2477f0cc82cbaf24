"""Does it go on answering as a fresh process does? Pictures in every order, repeats, clients that leave,
errors in between, several requests at once.

Engines have mixed up their users' pictures in all these ways (a cache that knows an image by its address, a
model that keeps its first image's features, a prompt cache that ignores images), and none of it shows in an
answer to a single request.
"""

import asyncio
from collections.abc import Sequence
from itertools import cycle

from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import Heard, Series
from viewfinder.measure.measures.stability import find as steadiness
from viewfinder.measure.measures.stability.find import (
    AFTER,
    AGAIN,
    BETWEEN,
    ONE_BY_ONE,
    REFERENCE,
    REPEAT,
    TOGETHER,
)
from viewfinder.measure.measures.stability.result import Stability as Result
from viewfinder.measure.prompts import Prompt, without_images
from viewfinder.measure.store.rows import Asked
from viewfinder.measure.subject import Subject
from viewfinder.measure.suite import Suite
from viewfinder.measure.troubles import pictures as circles
from viewfinder.measure.troubles.pictures import pictures

AT_ONCE = (2, 4)
ORDERS = ((0, 1, 2, 3), (3, 2, 1, 0), (1, 3, 0, 2))
"""Of each four pictures, by process: none comes first twice, nor twice after the same one."""
AT_LEAST = 12
"""Requests of each sort that even the slowest model is asked; the suite's number, where that is less."""
LISTENS_S = 0.25
"""An engine notices that its client has left when it writes the next words."""


class Stability:
    """See `stage.Stage`. The first processes give the references; one is led through the walk of pictures,
    and one is asked the same again and again, and by several clients at once."""

    name = "stability"
    goes_on = False
    counts_answers = False
    is_timed = False

    def processes(self, suite: Suite) -> int:
        return suite.stability_references + 2 if suite.stability_references else 0

    def steps(self, suite: Suite, part: int) -> int:
        match part - suite.stability_references:
            case 0:
                return suite.stability_walk + 2 * len(BETWEEN) * suite.stability_between
            case 1:
                return suite.stability_repeats + len(AT_ONCE) * suite.stability_together
            case _:
                return circles.ALL

    def needs(self, variant: Variant) -> Missing | None:
        return None if variant.vision else Missing(missing="this variant takes no images")

    async def asks(self, subject: Subject, suite: Suite, part: int) -> Series:
        match part - suite.stability_references:
            case 0:
                await _walk(subject, suite)
            case 1:
                await _repeat(subject, suite)
                for clients in AT_ONCE:
                    await _together(subject, suite, clients)
            case _:
                await _refer(subject, suite, part)
        return {}

    def finds(self, heard: Sequence[Heard], suite: Suite) -> Result:
        return steadiness.judge([one.asked for one in heard])


async def _refer(subject: Subject, suite: Suite, part: int) -> None:
    """Each picture once, in an order of its own: an answer that depends on what was shown before is not the
    same in two processes."""
    order = ORDERS[part % len(ORDERS)]
    places = (first + place for first in range(0, circles.ALL, len(order)) for place in order)
    for prompt in suite.paced((pictures()[place] for place in places), circles.ALL, len(order)):
        await _ask(subject, REFERENCE, prompt)


async def _walk(subject: Subject, suite: Suite) -> None:
    """Every picture after every other; then more of the walk, with something else between each two."""
    shown = (pictures()[place] for place in circles.walk())
    for prompt in suite.paced(shown, suite.stability_walk, AT_LEAST):
        await _ask(subject, ONE_BY_ONE, prompt)
    kinds = [kind for kind in BETWEEN if kind != "text" or subject.server.variant.text]
    texts = without_images("stability")
    most = len(kinds) * suite.stability_between
    for kind in suite.paced(cycle(kinds), most, len(kinds)):
        await _come_between(subject, kind, next(texts) if kind == "text" else next(shown))
        await _ask(subject, f"{AFTER}{kind}", next(shown))


async def _come_between(subject: Subject, kind: str, prompt: Prompt) -> None:
    scenario = f"stability/{kind}"
    match kind:
        case "text":
            await _ask(subject, scenario, prompt)
        case "long":
            await _ask(subject, scenario, circles.long(prompt))
        case "leave":
            await subject.leave(scenario, circles.at_length(prompt))
            await asyncio.sleep(LISTENS_S)
        case "broken":
            await subject.ask(scenario, circles.broken())


async def _repeat(subject: Subject, suite: Suite) -> None:
    """One request again and again, that the process had not seen before."""
    same = cycle([pictures()[circles.WALKED]])
    for prompt in suite.paced(same, suite.stability_repeats, AT_LEAST):
        await _ask(subject, REPEAT, prompt)


async def _together(subject: Subject, suite: Suite, clients: int) -> None:
    """So many clients, each of which asks again as soon as it was answered."""
    shown = (pictures()[place] for place in circles.walk())
    waiting = suite.paced(shown, suite.stability_together, AT_LEAST)

    async def client() -> None:
        for prompt in waiting:
            await subject.ask(f"{TOGETHER}{clients}", prompt)

    tasks = [asyncio.create_task(client()) for _ in range(clients)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _ask(subject: Subject, scenario: str, prompt: Prompt) -> Asked:
    """What meets an error is asked once more, which shows whether the process recovered."""
    asked = await subject.ask(scenario, prompt)
    if asked.exchange.error:
        await subject.ask(AGAIN, prompt)
    return asked
