"""What a server process gives to several clients at once; as it is stored."""

from viewfinder.measure.figures import Frozen, Measured, Missing


class Level(Frozen):
    """What clients met at one level of demand. `failures` counts requests by error code; `empty` is an answer
    without a word.

    `ttft` and `e2e` are what the processes' medians are typically, the others are over all requests.
    """

    asked: int
    failures: dict[str, int]
    ttft: Measured
    ttft_p95: Measured
    e2e: Measured
    e2e_p95: Measured


class Closed(Level):
    """`clients` that each ask again as soon as they are answered."""

    clients: int
    requests: Measured
    tokens: Measured


class Open(Level):
    """Requests that arrive at random, whether or not earlier ones are answered; times count from when each
    was scheduled. `share` is their rate over the best one that the same process had reached in the closed
    loop."""

    share: float
    arrivals: Measured


class Throughput(Frozen):
    """All levels, the lowest first. `saturated_at` is the fewest clients that surely get all but 5 % of
    `best`, the highest rate of answers; it may be the most that were tried."""

    closed: tuple[Closed, ...]
    open: tuple[Open, ...]
    best: Measured
    saturated_at: int | Missing
