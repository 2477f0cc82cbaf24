"""From the timed cells to percentiles and speeds; pure, called by `findings`.

A new image and one that was asked about before never meet in one figure: the first is what an engine
computes, the second what it remembers.
"""

import statistics
from collections.abc import Callable, Sequence

from viewfinder.client.exchange import Exchange
from viewfinder.measure import metrics
from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.latency.result import Cell, Latency, Spread
from viewfinder.measure.metrics import PROCESSES, Block, answered
from viewfinder.measure.statistics.intervals import TooFew
from viewfinder.measure.statistics.percentiles import percentile

Exchanges = Sequence[Exchange]
NO_PART = Missing(missing="the suite does not ask it")
NOT_TOLD = Missing(missing="the engine does not tell how long it read")
IN_BURSTS = Missing(missing="most pieces of an answer came together with the one before")
REMEMBERED = 0.5
"""Share of a prompt from which on an engine that says how much it remembered has remembered the image."""

NEW = "requests with a new 512 px image each and 'Describe this image.'"
SHORT = "requests with a new 512 px image each and a question with a one-word answer"
REPEATS = "repeats of one request with a 512 px image and 'Describe this image.', after its first time"
TEXTS = "short questions without an image, no two alike"


def latency(blocks: Sequence[Block], over: str = PROCESSES) -> Latency:
    """Every figure of the timed cells, over all server processes."""
    images = [block.images for block in blocks]
    short = [block.short for block in blocks]
    repeats = [block.repeats for block in blocks]
    return Latency(
        images=cell(images, NEW, over),
        short=cell(short, SHORT, over),
        repeats=cell(repeats, REPEATS, over, is_new=False),
        texts=cell([block.texts for block in blocks], TEXTS, over),
        first_image=_first_image(blocks),
        later_images=metrics.median(short, _ttft_s, "s", f"time to the first token of {SHORT}, warm", over),
        first_slower=_first_slower(blocks),
        new_image=new_image(images, repeats, over),
    )


def cell(
    blocks: Sequence[Exchanges], what: str, over: str = PROCESSES, *, is_new: bool = True
) -> Cell | Missing:
    """The figures of one cell; the rate of reading is that of prompts that are new."""
    if not any(blocks):
        return NO_PART
    read = (
        prefill_rate(blocks, over)
        if is_new
        else Missing(missing="what an engine remembers, it does not read")
    )
    return Cell(
        what=what,
        ttft=_spread(metrics.readings(blocks, _ttft_s), f"time to the first token of {what}", over),
        itl=_spread(_gaps_s(blocks), f"time from one piece of text to the next in {what}", over),
        tpot=_spread(metrics.readings(blocks, _tpot_s), f"time per token after the first of {what}", over),
        e2e=_spread(metrics.readings(blocks, _e2e_s), f"wall time of {what}", over),
        prefill_rate=read,
        decode_rate=metrics.decode_rate(blocks, over),
        output_tokens=metrics.mean(blocks, _tokens, "tokens", f"output of {what}", over),
    )


def prefill_rate(blocks: Sequence[Exchanges], over: str = PROCESSES) -> Measured:
    """Tokens of the prompt that the engine read anew, over the time that it says it took.

    Missing when its own counts do not agree: llama.cpp once told one token for an image and its whole time
    (ggml-org/llama.cpp 5336).
    """
    if problem := metrics.too_many_failures(blocks):
        return problem
    told = [
        kept
        for block in blocks
        if (kept := [x for x in block if answered(x) and _told(x, "prompt_n") and _told(x, "prompt_ms")])
    ]
    if not told:
        return NOT_TOLD
    if any(
        _told(x, "prompt_n") + _told(x, "cache_n") < (x.prompt_tokens or 0) for block in told for x in block
    ):
        return Missing(missing="the engine says that it read fewer tokens than the prompt has")
    tokens = [sum(_told(x, "prompt_n") for x in block) for block in told]
    seconds = [sum(_told(x, "prompt_ms") for x in block) / 1000 for block in told]
    n = sum(map(len, told))
    how = (
        "tokens of the prompt that the engine read / the time that it says it took (an image's encoding is "
        f"in it), of {n} requests to {len(told)} {over}"
    )
    return metrics.ratio(tokens, seconds, n, "tokens/s", how)


def new_image(new: Sequence[Exchanges], repeats: Sequence[Exchanges], over: str = PROCESSES) -> Measured:
    """What a new image costs before the first token: the encoding of it and the reading of its tokens.

    An engine that is asked the same again has both in its memory, so the difference to a new image is what
    they take; no engine tells the two apart. By the engine's own clock of the prompt where it tells one, else
    by the time to the first token.
    """
    if not any(repeats):
        return NO_PART
    if problem := metrics.too_many_failures(new) or metrics.too_many_failures(repeats):
        return problem
    good = [x for block in (*new, *repeats) for x in block if answered(x)]
    own_clock = all(_told(x, "prompt_ms") for x in good)
    read = _prompt_s if own_clock else _ttft_s
    differences, n = [], 0
    for block, again in zip(new, repeats, strict=True):
        costs, remembered = _of_answers(block, read), _of_answers(again, read)
        if costs and remembered:
            differences.append(statistics.median(costs) - statistics.median(remembered))
            n += len(costs) + len(remembered)
    if not differences:
        return metrics.NOTHING_ASKED
    shares = [share for block in repeats for share in _of_answers(block, _remembered)]
    if shares and statistics.median(shares) < REMEMBERED:
        return Missing(missing="the engine says that it remembers no image that it is shown again")
    clock = "the engine's own time for the prompt" if own_clock else "time to the first token"
    how = (
        f"median over {len(differences)} {over}: {clock} with a new 512 px image minus that with one shown "
        f"again, each the median of its requests: encoding it and reading its tokens; {n} requests"
    )
    cost = metrics.middle(differences, "s", how)
    if isinstance(cost, Figure) and cost.low <= 0:
        return Missing(missing="an image shown again took no less time: the engine remembers none")
    return cost


def _first_image(blocks: Sequence[Block]) -> Measured:
    """TTFT of the first image of each fresh process."""
    firsts = [block.first_image for block in blocks if block.first_image is not None]
    if not firsts:
        return metrics.NOT_OURS
    times = [x.ttft_s for x in firsts if answered(x) and x.ttft_s is not None]
    if len(times) < len(firsts):
        return Missing(missing=f"{len(firsts) - len(times)} of {len(firsts)} first images had no answer")
    how = (
        f"{metrics.TYPICAL} of {len(times)} fresh starts: time to the first token of the first image request"
    )
    return metrics.typical(times, len(times), "s", how)


def _first_slower(blocks: Sequence[Block]) -> Measured:
    """Each process's first image over what is usual on it for the same kind of question."""
    if isinstance(first := _first_image(blocks), Missing):
        return first
    ratios = [
        block.first_image.ttft_s / statistics.median(later)
        for block in blocks
        if block.first_image is not None
        and block.first_image.ttft_s is not None
        and (later := _of_answers(block.short, _ttft_s))
    ]
    if not ratios:
        return NO_PART
    how = (
        f"{metrics.TYPICAL} over {len(ratios)} fresh starts of the time to the first token of the first "
        "image / the median of later new images with the same kind of question"
    )
    return metrics.typical(ratios, len(ratios), "times", how)


def _spread(values: list[list[float]] | Missing, what: str, over: str) -> Spread:
    return Spread(
        p50=_median(values, what, over),
        p95=_percentile(values, 0.95, what, over),
        p99=_percentile(values, 0.99, what, over),
    )


def _median(values: list[list[float]] | Missing, what: str, over: str) -> Measured:
    """What the processes' medians are typically: that there are few of them is in the interval."""
    if isinstance(values, Missing):
        return values
    medians = [statistics.median(block) for block in values]
    if min(medians) <= 0:
        return IN_BURSTS
    how = f"{metrics.TYPICAL} of the medians of {len(values)} {over}: {what}"
    return metrics.typical(medians, sum(map(len, values)), "s", how)


def _percentile(values: list[list[float]] | Missing, q: float, what: str, over: str) -> Measured:
    """Of the samples of all processes together."""
    if isinstance(values, Missing):
        return values
    try:
        value, low, high = percentile(values, q)
    except TooFew as error:
        return Missing(missing=str(error))
    how = f"p{100 * q:g} over {len(values)} {over}: {what}"
    return Figure(value=value, low=low, high=high, n=sum(map(len, values)), unit="s", how=how)


def _gaps_s(blocks: Sequence[Exchanges]) -> list[list[float]] | Missing:
    if problem := metrics.too_many_failures(blocks):
        return problem
    gaps = [
        [gap for x in block if answered(x) and metrics.is_streamed(x) for gap in x.itl_s] for block in blocks
    ]
    return [block for block in gaps if block] or metrics.TOO_FEW_PIECES


def _of_answers(exchanges: Exchanges, read: Callable[[Exchange], float | None]) -> list[float]:
    return [value for x in exchanges if answered(x) and (value := read(x)) is not None]


def _told(exchange: Exchange, name: str) -> float:
    """A number of the engine's own timings; 0 when it tells none."""
    value = exchange.timings.get(name)
    return float(value) if isinstance(value, int | float) and value > 0 else 0.0


def _remembered(exchange: Exchange) -> float | None:
    """The share of the prompt that the engine says it remembered."""
    if "cache_n" not in exchange.timings or not exchange.prompt_tokens:
        return None
    return _told(exchange, "cache_n") / exchange.prompt_tokens


def _prompt_s(exchange: Exchange) -> float | None:
    return _told(exchange, "prompt_ms") / 1000 or None


def _e2e_s(exchange: Exchange) -> float | None:
    return exchange.e2e_s


def _ttft_s(exchange: Exchange) -> float | None:
    return exchange.ttft_s


def _tpot_s(exchange: Exchange) -> float | None:
    return exchange.tpot_s


def _tokens(exchange: Exchange) -> float | None:
    return exchange.completion_tokens
