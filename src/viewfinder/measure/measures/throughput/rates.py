"""Random arrival times, and the rate of answers that clients get; pure."""

import math
import random
from collections.abc import Callable, Sequence

from viewfinder.client.exchange import Exchange
from viewfinder.measure.metrics import answered


def arrivals(rate: float, n: int, seed: str) -> list[float]:
    """The times in seconds, from 0 to n / rate, of `n` requests of a Poisson process of `rate` a second.

    Given their number in a stretch of time, its arrivals are uniform in it: so the rate is met exactly, and
    the gaps and bunches are those of chance.
    """
    rng = random.Random(seed)
    return sorted(rng.uniform(0, n / rate) for _ in range(n))


def answer_rate(clients: int, exchanges: Sequence[Exchange]) -> float:
    """Answers a second that `clients`, all of them busy all the time, get from one server process.

    Little's law (Oper. Res. 9 (1961) 383): clients x answers / the time that they spent on their requests.
    Unlike the number of answers over the time from the first request to the last answer, this leaves out the
    ramp at the beginning, the lighter load at the end, and the instrument's own pauses.
    """
    return worked(clients, exchanges, lambda exchange: 1.0)


def worked(clients: int, exchanges: Sequence[Exchange], worth: Callable[[Exchange], float]) -> float:
    """The same with each answer counted as its `worth`."""
    busy_s = math.fsum(exchange.e2e_s for exchange in exchanges)
    return clients * math.fsum(map(worth, filter(answered, exchanges))) / busy_s if busy_s > 0 else 0.0
