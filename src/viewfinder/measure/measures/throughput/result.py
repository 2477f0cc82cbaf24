"""The answers that several clients get at once, as they are stored."""

from viewfinder.measure.figures import Frozen, Measured, Missing


class Level(Frozen):
    """Times and failures at one level of demand. `failures` counts requests by error code; `empty` is an
    answer without a word.

    `ttft` and `e2e` are the geometric means of the processes' medians; the others are over all requests.
    """

    asked: int
    failures: dict[str, int]
    ttft: Measured
    ttft_p95: Measured
    e2e: Measured
    e2e_p95: Measured


class Closed(Level):
    """`clients` that each send their next request as soon as they have an answer."""

    clients: int
    requests: Measured
    tokens: Measured


class Open(Level):
    """Requests that arrive at random, whether or not earlier ones are answered; times count from the
    scheduled time of each. `share` is their rate over the best one that the same process reached in the
    closed loop."""

    share: float
    arrivals: Measured


class Throughput(Frozen):
    """All levels, the lowest first. `saturated_at` is the smallest number of clients that surely get at least
    95 % of `best`, the highest rate of answers; it may be the largest number that was tried."""

    closed: tuple[Closed, ...]
    open: tuple[Open, ...]
    best: Measured
    saturated_at: int | Missing
