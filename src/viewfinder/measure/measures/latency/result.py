"""How long requests of each sort take, and how fast an engine reads and writes; made by `bench/latency`."""

from viewfinder.measure.figures import Frozen, Measured, Missing


class Spread(Frozen):
    """Percentiles, each with its own 95 % interval.

    `p50` is what the medians of the fresh server processes are typically; the others are of all requests
    together, and Missing where those are too few: 72 for p95 and 368 for p99, more when the requests to one
    process resemble each other.
    """

    p50: Measured
    p95: Measured
    p99: Measured


class Cell(Frozen):
    """Requests of one sort, one at a time; `what` says of which.

    TTFT and E2E are one sample a request, TPOT too (the first token left out), ITL one for each gap between
    two pieces of an answer. `prefill_rate` is by the engine's own clock and counts an image's encoding as
    reading, so it compares no two models.
    """

    what: str
    ttft: Spread
    itl: Spread
    tpot: Spread
    e2e: Spread
    prefill_rate: Measured
    decode_rate: Measured
    output_tokens: Measured


class Latency(Frozen):
    """The timed cells. New images and repeats never meet in one figure: the one is what an engine computes,
    the other what it remembers.

    `first_image` is the TTFT of a fresh process's first image, `later_images` that of the same kind of
    question when it is warm, `first_slower` how many times the one is the other. `new_image` is what a new
    image costs before the first token, beside one that the engine remembers.
    """

    images: Cell | Missing
    short: Cell | Missing
    repeats: Cell | Missing
    texts: Cell | Missing
    first_image: Measured
    later_images: Measured
    first_slower: Measured
    new_image: Measured
