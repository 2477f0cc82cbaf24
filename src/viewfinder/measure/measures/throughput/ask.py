"""Several clients at once.

Closed loop: 1, 2, 4 and 8 clients, each of which sends its next request as soon as it has an answer. Open
loop: requests arrive at random, at shares of the best rate that the process has just reached, whether or not
earlier ones are answered. A request that is sent late counts from its scheduled time: a stall cannot hide by
delaying the requests after it (coordinated omission). Every request has a new image, drawn before its level
begins. The gateway is left out: requests wait in the engine, or for one of its slots.
"""

import asyncio
import math
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import islice

from viewfinder.client.exchange import Exchange
from viewfinder.measure.forecast import Batch
from viewfinder.measure.measures.throughput.counts import ThroughputCounts
from viewfinder.measure.metrics import answered
from viewfinder.measure.pacing import WARM_UP, WARM_UP_REQUESTS, warm_up
from viewfinder.measure.process_log import Series
from viewfinder.measure.prompts import descriptions
from viewfinder.measure.subject import Subject

CLIENTS = (1, 2, 4, 8)
SHARES = (0.5, 0.8)
FEWEST_ARRIVALS = 3


async def all_levels(subject: Subject, counts: ThroughputCounts, nth: int) -> Series:
    """The closed loops, in another order on each process; then the open loops at shares of the best rate."""
    await warm_up(subject)
    alone = await subject.ask(WARM_UP, next(descriptions(subject.topic("throughput/alone"))))
    order = [clients for clients in CLIENTS if _is_affordable(clients, alone.exchange, counts)]
    random.Random(f"throughput/{nth}").shuffle(order)
    best = max([await _closed_loop(subject, counts, clients) for clients in order])
    series: dict[str, Sequence[float]] = {}
    for share in SHARES if best else ():
        level = open_level(share)
        series[f"{level} rate"] = (share * best,)
        series[f"{level} due"] = await _open_loop(subject, counts, level, share * best, f"{level}/{nth}")
    return series


def steps(counts: ThroughputCounts, nth: int) -> int:
    closed = sum(_most(clients, counts) for clients in CLIENTS)
    arrivals = max(FEWEST_ARRIVALS, counts.requests)
    return WARM_UP_REQUESTS + 1 + closed + len(SHARES) * arrivals


def batches(counts: ThroughputCounts, nth: int) -> list[Batch]:
    """A level takes its time after the first requests of its clients, and until its last ones; more clients
    than are affordable are left out."""
    closed = [
        Batch(
            2 * clients + _counted(clients, counts), "long", 3 * clients, counts.level_s, 6 * counts.level_s
        )
        for clients in CLIENTS
    ]
    arrivals = max(FEWEST_ARRIVALS, counts.requests)
    opened = [Batch(round(arrivals / share), "long", FEWEST_ARRIVALS, counts.level_s) for share in SHARES]
    return [Batch(WARM_UP_REQUESTS + 1, "long"), *closed, *opened]


def closed_level(clients: int) -> str:
    return f"throughput/{clients}"


def open_level(share: float) -> str:
    return f"throughput/open {100 * share:.0f} %"


def arrivals(rate: float, n: int, seed: str) -> list[float]:
    """The times in seconds, from 0 to n / rate, of `n` requests of a Poisson process of `rate` a second.

    Given their number in a stretch of time, its arrivals are uniform in it: so the rate is met exactly, and
    the gaps and bunches are those of chance.
    """
    rng = random.Random(seed)
    return sorted(rng.uniform(0, n / rate) for _ in range(n))


def answer_rate(
    clients: int, exchanges: Sequence[Exchange], worth: Callable[[Exchange], float] = lambda exchange: 1.0
) -> float:
    """Answers a second that `clients`, all of them busy all the time, get from one server process; each
    answer counts as its `worth`.

    Little's law (Oper. Res. 9 (1961) 383): clients x answers / the time that they spent on their requests.
    Unlike the number of answers over the time from the first request to the last answer, this leaves out the
    ramp at the beginning, the lighter load at the end, and the instrument's own pauses.
    """
    busy_s = math.fsum(exchange.e2e_s for exchange in exchanges)
    return clients * math.fsum(map(worth, filter(answered, exchanges))) / busy_s if busy_s > 0 else 0.0


async def _closed_loop(subject: Subject, counts: ThroughputCounts, clients: int) -> float:
    """Answers a second.

    A client's first request does not count: all clients begin together, and their first answers are not yet
    spread out. When enough requests were counted, or the time is over and each client had one that counts,
    idle clients keep sending until the last counted answer has arrived: none is timed under a lighter load.
    """
    drawn = list(islice(descriptions(subject.topic(closed_level(clients))), _most(clients, counts)))
    prompts = iter(drawn)
    enough, until_s = _counted(clients, counts), time.monotonic() + counts.level_s
    exchanges: list[Exchange] = []
    begun = under_way = 0

    async def client() -> None:
        nonlocal begun, under_way
        await subject.ask(WARM_UP, next(prompts))
        for prompt in prompts:
            if begun < enough and (begun < clients or time.monotonic() < until_s):
                begun, under_way = begun + 1, under_way + 1
                exchanges.append((await subject.ask(closed_level(clients), prompt)).exchange)
                under_way -= 1
            elif under_way:
                await subject.ask(WARM_UP, prompt)
            else:
                return

    async with _at_once(subject) as group:
        for _ in range(clients):
            group.create_task(client())
    return answer_rate(clients, exchanges)


async def _open_loop(
    subject: Subject, counts: ThroughputCounts, level: str, rate: float, seed: str
) -> list[float]:
    """The scheduled time of each request, on the clock of its exchange, in the order of the samples."""
    n = max(FEWEST_ARRIVALS, min(counts.requests, int(rate * counts.level_s)))
    prompts = list(islice(descriptions(subject.topic(level)), n))
    begun_s = time.monotonic()
    due = [begun_s + after_s for after_s in arrivals(rate, n, seed)]
    async with _at_once(subject) as group:
        for due_s, prompt in zip(due, prompts, strict=True):
            await asyncio.sleep(due_s - time.monotonic())
            group.create_task(subject.ask(level, prompt))
    return due


@asynccontextmanager
async def _at_once(subject: Subject) -> AsyncIterator[asyncio.TaskGroup]:
    """Tasks that send requests at the same time; if one finds the engine gone, the others stop and its error
    is raised."""
    try:
        with subject.overlapping():
            async with asyncio.TaskGroup() as group:
                yield group
    except ExceptionGroup as several:
        raise several.exceptions[0] from None


def _counted(clients: int, counts: ThroughputCounts) -> int:
    return max(counts.requests, clients)


def _most(clients: int, counts: ThroughputCounts) -> int:
    """The most requests of a closed loop, with those that do not count."""
    return 3 * clients + _counted(clients, counts)


def _is_affordable(clients: int, alone: Exchange, counts: ThroughputCounts) -> bool:
    """Whether one request of each client, one after the other, takes at most twice the time of a level."""
    return clients == min(CLIENTS) or clients * alone.e2e_s <= 2 * counts.level_s
