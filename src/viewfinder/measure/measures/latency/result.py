"""The times of each kind of request, and the speeds of reading and writing, as they are stored."""

from viewfinder.measure.figures import Frozen, Measured, Missing


class Spread(Frozen):
    """Percentiles, each with its own 95 % interval.

    `p50` is the geometric mean of the medians of the fresh server processes; the others are of all requests
    together, and Missing if those are too few: 72 for p95 and 368 for p99, more if the requests to one
    process resemble each other.
    """

    p50: Measured
    p95: Measured
    p99: Measured


class RequestTimes(Frozen):
    """Requests of one kind, one at a time; `what` describes them.

    TTFT and E2E have one value for each request, TPOT too (without the first token), ITL one for each gap
    between two pieces of an answer; `mean` is the mean of E2E. `prefill_rate` is by the engine's own clock
    and counts an image's encoding as reading, so that models cannot be compared by it. `failed` of `asked`
    requests had no answer; None in results of older versions.
    """

    what: str
    ttft: Spread
    itl: Spread
    tpot: Spread
    e2e: Spread
    mean: Measured
    prefill_rate: Measured
    decode_rate: Measured
    output_tokens: Measured
    asked: int | None = None
    failed: int | None = None


class PausedTimes(RequestTimes):
    """Requests that each came `pause_s` seconds after the answer before; `slower` is their TTFT over that of
    the same kind back to back, process by process."""

    pause_s: float
    slower: Measured


class Latency(Frozen):
    """The timed kinds of requests. New images and repeats are never in the same figure: an engine computes
    the first, and takes the second from its cache.

    `first_image` is the TTFT of a fresh process's first image, `later_images` that of the same kind of
    question when the process is warm, `first_slower` the ratio of the two. `new_image` is the cost of a new
    image before the first token, compared with a cached one. `paused` are requests like `short`, by the pause
    before them; none in results of older versions. `failures` are sentences about requests that
    failed; `drift` is one if requests became steadily slower or faster from process to process.
    """

    images: RequestTimes | Missing
    short: RequestTimes | Missing
    repeats: RequestTimes | Missing
    texts: RequestTimes | Missing
    first_image: Measured
    later_images: Measured
    first_slower: Measured
    new_image: Measured
    paused: tuple[PausedTimes, ...] = ()
    failures: tuple[str, ...] = ()
    drift: str = ""
