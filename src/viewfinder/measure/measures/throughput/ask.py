"""How much one server process gives to several clients at once, and how long they wait; called by `trial`.

Closed loop: 1, 2, 4 and 8 clients, each of which asks again as soon as it is answered. Open loop: requests
come at random, at shares of the best rate that the process has just shown, whether or not earlier ones are
answered. One that is sent late counts from when it was due: a server that stands still cannot hide it by not
being asked (coordinated omission). Every request brings a new image, drawn before its level begins. The
gateway is not between: what waits, waits in the engine, or for one of its slots.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import islice

from viewfinder.catalog.card import Variant
from viewfinder.client.exchange import Exchange
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import Heard, Series
from viewfinder.measure.measures.latency.ask import WARM_UP_IMAGES, WARM_UP_TEXTS, warm_up
from viewfinder.measure.measures.throughput import find as levels
from viewfinder.measure.measures.throughput.result import Throughput
from viewfinder.measure.prompts import descriptions
from viewfinder.measure.subject import Subject
from viewfinder.measure.suite import Suite

CLIENTS = (1, 2, 4, 8)
SHARES = (0.5, 0.8)
FEWEST_ARRIVALS = 3
BESIDE = "warm-up"
"""Requests that only keep clients busy count in no figure, as those of the warm-up do not."""


class ThroughputStage:
    """See `stage.Stage`."""

    name = "throughput"
    goes_on = False  # it is timed
    counts_answers = False
    is_timed = True

    def processes(self, suite: Suite) -> int:
        return suite.throughput_processes

    def steps(self, suite: Suite, part: int) -> int:
        closed = sum(_most(clients, suite) for clients in CLIENTS)
        arrivals = max(FEWEST_ARRIVALS, suite.throughput_requests)
        return WARM_UP_TEXTS + WARM_UP_IMAGES + 1 + closed + len(SHARES) * arrivals

    def needs(self, variant: Variant) -> Missing | None:
        return None if variant.vision else Missing(missing="this variant takes no images")

    async def asks(self, subject: Subject, suite: Suite, part: int) -> Series:
        await warm_up(subject)
        alone = await subject.ask(BESIDE, next(descriptions(subject.topic("throughput/alone"))))
        order = [clients for clients in CLIENTS if _is_affordable(clients, alone.exchange, suite)]
        random.Random(f"throughput/{part}").shuffle(order)
        best = max([await _closed_loop(subject, suite, clients) for clients in order])
        series: dict[str, Sequence[float]] = {}
        for share in SHARES if best else ():
            cell = open_cell(share)
            series[f"{cell} rate"] = (share * best,)
            series[f"{cell} due"] = await _open_loop(subject, suite, cell, share * best, f"{cell}/{part}")
        return series

    def finds(self, heard: Sequence[Heard], suite: Suite) -> Throughput:
        return levels.throughput(
            {clients: _closed(heard, closed_cell(clients)) for clients in CLIENTS},
            {share: _opened(heard, open_cell(share)) for share in SHARES},
            {share: _rates(heard, open_cell(share)) for share in SHARES},
        )


def closed_cell(clients: int) -> str:
    return f"throughput/{clients}"


def open_cell(share: float) -> str:
    return f"throughput/open {100 * share:.0f} %"


async def _closed_loop(subject: Subject, suite: Suite, clients: int) -> float:
    """Answers a second.

    Nothing counts until a client has asked once: all begin together, and the first answers are still out of
    step. When enough was counted, or the time is over and each had a turn, those who are free go on asking
    until the last answer that counts is there: none is timed in a thinning crowd.
    """
    drawn = list(islice(descriptions(subject.topic(closed_cell(clients))), _most(clients, suite)))
    prompts = iter(drawn)
    enough, until_s = _counted(clients, suite), time.monotonic() + suite.throughput_s
    exchanges: list[Exchange] = []
    begun = under_way = 0

    async def client() -> None:
        nonlocal begun, under_way
        await subject.ask(BESIDE, next(prompts))
        for prompt in prompts:
            if begun < enough and (begun < clients or time.monotonic() < until_s):
                begun, under_way = begun + 1, under_way + 1
                exchanges.append((await subject.ask(closed_cell(clients), prompt)).exchange)
                under_way -= 1
            elif under_way:
                await subject.ask(BESIDE, prompt)
            else:
                return

    async with _at_once(subject) as group:
        for _ in range(clients):
            group.create_task(client())
    return levels.answer_rate(clients, exchanges)


async def _open_loop(subject: Subject, suite: Suite, cell: str, rate: float, seed: str) -> list[float]:
    """When each request was due, on the clock of its exchange, by its place."""
    n = max(FEWEST_ARRIVALS, min(suite.throughput_requests, int(rate * suite.throughput_s)))
    prompts = list(islice(descriptions(subject.topic(cell)), n))
    begun_s = time.monotonic()
    due = [begun_s + after_s for after_s in levels.arrivals(rate, n, seed)]
    async with _at_once(subject) as group:
        for due_s, prompt in zip(due, prompts, strict=True):
            await asyncio.sleep(due_s - time.monotonic())
            group.create_task(subject.ask(cell, prompt))
    return due


@asynccontextmanager
async def _at_once(subject: Subject) -> AsyncIterator[asyncio.TaskGroup]:
    """Tasks that ask at the same time; when one finds the engine gone, the others end and it says so."""
    try:
        with subject.overlapping():
            async with asyncio.TaskGroup() as group:
                yield group
    except ExceptionGroup as several:
        raise several.exceptions[0] from None


def _counted(clients: int, suite: Suite) -> int:
    return max(suite.throughput_requests, clients)


def _most(clients: int, suite: Suite) -> int:
    """Requests of a closed loop at most, with those beside."""
    return 3 * clients + _counted(clients, suite)


def _is_affordable(clients: int, alone: Exchange, suite: Suite) -> bool:
    """Whether a turn of each client, one after the other, is over in twice the time of a level."""
    return clients == min(CLIENTS) or clients * alone.e2e_s <= 2 * suite.throughput_s


def _closed(heard: Sequence[Heard], cell: str) -> levels.Processes:
    found = {one.part: [asked.exchange for asked in one.asked if asked.scenario == cell] for one in heard}
    return {part: exchanges for part, exchanges in found.items() if exchanges}


def _opened(heard: Sequence[Heard], cell: str) -> levels.Processes:
    """The exchanges of an open loop, each begun when it was due; one that broke off has no such times."""
    found: dict[int, list[Exchange]] = {}
    for one in heard:
        if due := one.series.get(f"{cell} due"):
            asked = sorted(
                (asked for asked in one.asked if asked.scenario == cell), key=lambda a: a.place or 0
            )
            found[one.part] = [
                replace(asked.exchange, started_s=due_s) for asked, due_s in zip(asked, due, strict=True)
            ]
    return found


def _rates(heard: Sequence[Heard], cell: str) -> list[float]:
    return [rate for one in heard for rate in one.series.get(f"{cell} rate", ())]
