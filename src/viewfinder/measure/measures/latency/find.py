"""From timed requests to percentiles and speeds; pure.

A new image and one that was asked about before never meet in one figure: the first is what an engine
computes, the second what it remembers.
"""

import statistics
from collections.abc import Callable, Mapping, Sequence

from viewfinder.catalog.card import Variant
from viewfinder.client.exchange import Exchange
from viewfinder.measure import metrics
from viewfinder.measure.figures import NO_VISION, NOT_OURS, Figure, Measured, Missing, in_unit
from viewfinder.measure.measures.base import Facts, others_at_work
from viewfinder.measure.measures.latency.counts import LatencyCounts
from viewfinder.measure.measures.latency.result import Latency, RequestTimes, Spread
from viewfinder.measure.metrics import E2E_S, PROCESSES, SESSIONS, TOKENS, TPOT_S, TTFT_S, answered
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.statistics import restarts
from viewfinder.measure.statistics.intervals import TooFew
from viewfinder.measure.statistics.percentiles import percentile

Exchanges = Sequence[Exchange]
NOT_IN_SUITE = Missing(missing="the suite does not ask it")
NO_PROMPT_TIME = Missing(missing="the engine does not report how long it read the prompt")
IN_BURSTS = Missing(missing="most pieces of an answer came together with the one before")
REMEMBERED = 0.5
"""Share of a prompt from which on an engine that reports cached tokens has remembered the image."""

INFERENCE, DECODE = "average inference", "decode speed"
TTFT_IMAGE, TTFT_TEXT = "time to first token, image", "time to first token, text"
SHOWN_IN = {INFERENCE: "s", TTFT_IMAGE: "ms", TTFT_TEXT: "ms", DECODE: "tokens/s"}
"""Unit of each headline figure that is compared."""
NEW = "requests with a new 512 px image each and 'Describe this image.'"
SHORT = "requests with a new 512 px image each and a question with a one-word answer"
REPEATS = "repeats of one request with a 512 px image and 'Describe this image.', after its first time"
TEXTS = "short questions without an image, no two alike"


def latency(logs: Sequence[ProcessLog], counts: LatencyCounts, variant: Variant) -> Latency:
    """Every figure of the timed requests, over all server processes."""
    over = PROCESSES if variant.server is None else SESSIONS
    images, short, repeats, texts = (
        [log.exchanges(scenario) for log in logs] for scenario in ("images", "short", "repeats", "texts")
    )
    failed = (_failures("image", images), _failures("text", texts))
    found = Latency(
        images=request_times(images, NEW, over),
        short=request_times(short, SHORT, over),
        repeats=request_times(repeats, REPEATS, over, is_new=False),
        texts=request_times(texts, TEXTS, over),
        first_image=_first_image(logs),
        later_images=metrics.median(short, TTFT_S, "s", f"time to the first token of {SHORT}, warm", over),
        first_slower=_first_slower(logs),
        new_image=new_image(images, repeats, over),
        failures=tuple(filter(None, failed)),
        drift=metrics.drift(images if variant.vision else texts),
    )
    if variant.vision:
        return found
    of_images = ("images", "short", "repeats", "first_image", "later_images", "first_slower", "new_image")
    return found.model_copy(update=dict.fromkeys(of_images, NO_VISION))


def request_times(
    processes: Sequence[Exchanges], what: str, over: str = PROCESSES, *, is_new: bool = True
) -> RequestTimes | Missing:
    """The figures of one kind of request; the speed of reading is that of prompts that are new."""
    if not any(processes):
        return NOT_IN_SUITE
    read = (
        prefill_rate(processes, over)
        if is_new
        else Missing(missing="what an engine remembers, it does not read")
    )
    every = [exchange for process in processes for exchange in process]
    return RequestTimes(
        what=what,
        ttft=_spread(metrics.readings(processes, TTFT_S), f"time to the first token of {what}", over),
        itl=_spread(_gaps_s(processes), f"time from one piece of text to the next in {what}", over),
        tpot=_spread(metrics.readings(processes, TPOT_S), f"time per token after the first of {what}", over),
        e2e=_spread(metrics.readings(processes, E2E_S), f"wall time of {what}", over),
        mean=metrics.mean(processes, E2E_S, "s", f"wall time of {what}", over),
        prefill_rate=read,
        decode_rate=metrics.decode_rate(processes, over),
        output_tokens=metrics.mean(processes, TOKENS, "tokens", f"output of {what}", over),
        asked=len(every),
        failed=sum(not answered(exchange) for exchange in every),
    )


def headline(found: Latency | Missing) -> dict[str, Measured]:
    """The figures that stand for the model, by their names: of image requests, and of texts where those are
    all that the model takes."""
    images, texts = (found, found) if isinstance(found, Missing) else (found.images, found.texts)
    timed = images if isinstance(images, RequestTimes) else texts
    return {
        INFERENCE: images.mean if isinstance(images, RequestTimes) else images,
        "median inference": images.e2e.p50 if isinstance(images, RequestTimes) else images,
        "output tokens": images.output_tokens if isinstance(images, RequestTimes) else images,
        TTFT_IMAGE: images.ttft.p50 if isinstance(images, RequestTimes) else images,
        TTFT_TEXT: texts.ttft.p50 if isinstance(texts, RequestTimes) else texts,
        DECODE: timed.decode_rate if isinstance(timed, RequestTimes) else timed,
    }


def facts(found: Latency | Missing) -> Facts:
    known = headline(found)
    figures = {name: in_unit(known[name], unit) for name, unit in SHOWN_IN.items()}
    if isinstance(found, Missing):
        return Facts(figures=figures)
    kinds = [one for one in (found.images, found.texts) if isinstance(one, RequestTimes)]
    return Facts(
        figures=figures,
        issues=found.failures,
        disturbances=(found.drift,) if found.drift else (),
        failed=sum(one.failed or 0 for one in kinds),
        timed=sum(one.asked or 0 for one in kinds),
    )


def disturbed(log: ProcessLog) -> str:
    """Other programs at work, or requests that became slower and slower."""
    return others_at_work(log) or metrics.slowdown(log.exchanges("images") or log.exchanges("texts"))


def typical_times(
    scenario: str, read: Callable[[Exchange], float | None], logs: Sequence[ProcessLog]
) -> Mapping[int, float]:
    """The typical time of each process's requests of one kind."""
    times: dict[int, list[float]] = {}
    for log in logs:
        for exchange in filter(answered, log.exchanges(scenario)):
            if (time := read(exchange)) is not None and time > 0:
                times.setdefault(log.number, []).append(time)
    return {number: restarts.of_restart(some) for number, some in times.items()}


def decode_speeds(logs: Sequence[ProcessLog]) -> Mapping[int, float]:
    """Tokens after the first over the time after it, by process; of image requests where there are any."""
    scenario = "images" if any(log.of("images") for log in logs) else "texts"
    speeds: dict[int, float] = {}
    for log in logs:
        streamed = [x for x in log.exchanges(scenario) if answered(x) and metrics.is_streamed(x)]
        spent_s = sum((x.last_token_s or 0.0) - (x.first_token_s or 0.0) for x in streamed)
        if tokens := sum(x.later_tokens for x in streamed):
            speeds[log.number] = tokens / spent_s
    return speeds


def _failures(what: str, processes: Sequence[Exchanges]) -> str:
    return metrics.failures(what, [exchange for process in processes for exchange in process])


def prefill_rate(processes: Sequence[Exchanges], over: str = PROCESSES) -> Measured:
    """Tokens of the prompt that the engine read anew, over the time that it says it took.

    Missing when its own counts do not add up to the prompt: llama.cpp once counted one token for an image and
    its whole time (ggml-org/llama.cpp 5336); an engine that counts cached tokens among those that it read
    would seem faster than it is.
    """
    if problem := metrics.too_many_failures(processes):
        return problem
    timed = [
        kept
        for process in processes
        if (
            kept := [x for x in process if answered(x) and _timing(x, "prompt_n") and _timing(x, "prompt_ms")]
        )
    ]
    if not timed:
        return NO_PROMPT_TIME
    if problem := _miscounted([exchange for process in timed for exchange in process]):
        return problem
    tokens = [sum(_timing(x, "prompt_n") for x in process) for process in timed]
    seconds = [sum(_timing(x, "prompt_ms") for x in process) / 1000 for process in timed]
    n = sum(map(len, timed))
    how = (
        "tokens of the prompt that the engine read / the time that it reports for it (an image's encoding is "
        f"in it), of {n} requests to {len(timed)} {over}"
    )
    return metrics.ratio(tokens, seconds, n, "tokens/s", how)


def new_image(new: Sequence[Exchanges], repeats: Sequence[Exchanges], over: str = PROCESSES) -> Measured:
    """What a new image costs before the first token: the encoding of it and the reading of its tokens.

    An engine that is asked the same again has both in its memory, so the difference to a new image is what
    they take; no engine tells the two apart. By the engine's own clock of the prompt where it tells one, else
    by the time to the first token.
    """
    if not any(repeats):
        return NOT_IN_SUITE
    if problem := metrics.too_many_failures(new) or metrics.too_many_failures(repeats):
        return problem
    good = [x for process in (*new, *repeats) for x in process if answered(x)]
    own_clock = all(_timing(x, "prompt_ms") for x in good)
    read = _prompt_s if own_clock else TTFT_S
    differences, n = [], 0
    for process, again in zip(new, repeats, strict=True):
        costs, remembered = _of_answers(process, read), _of_answers(again, read)
        if costs and remembered:
            differences.append(statistics.median(costs) - statistics.median(remembered))
            n += len(costs) + len(remembered)
    if not differences:
        return metrics.NOTHING_ASKED
    shares = [share for process in repeats for share in _of_answers(process, _remembered)]
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


def _first_of(log: ProcessLog) -> Exchange | None:
    """The first request about an image that the process ever had."""
    return next((sample.exchange for sample in log.of("load") if sample.scene), None)


def _first_image(logs: Sequence[ProcessLog]) -> Measured:
    """TTFT of the first image of each fresh process."""
    firsts = [first for log in logs if (first := _first_of(log)) is not None]
    if not firsts:
        return NOT_OURS
    times = [x.ttft_s for x in firsts if answered(x) and x.ttft_s is not None]
    if len(times) < len(firsts):
        return Missing(missing=f"{len(firsts) - len(times)} of {len(firsts)} first images had no answer")
    how = (
        f"{metrics.TYPICAL} of {len(times)} fresh starts: time to the first token of the first image request"
    )
    return metrics.typical(times, len(times), "s", how)


def _first_slower(logs: Sequence[ProcessLog]) -> Measured:
    """Each process's first image over what is usual on it for the same kind of question."""
    if isinstance(first := _first_image(logs), Missing):
        return first
    ratios = [
        one.ttft_s / statistics.median(later)
        for log in logs
        if (one := _first_of(log)) is not None
        and one.ttft_s is not None
        and (later := _of_answers(log.exchanges("short"), TTFT_S))
    ]
    if not ratios:
        return NOT_IN_SUITE
    how = (
        f"{metrics.TYPICAL} over {len(ratios)} fresh starts of the time to the first token of the first "
        "image / the median of later new images with the same kind of question"
    )
    return metrics.typical(ratios, len(ratios), "times", how)


def _miscounted(exchanges: Exchanges) -> Missing | None:
    """Why the engine's counts of tokens that it read and remembered cannot be believed, or None."""
    for exchange in exchanges:
        counted = _timing(exchange, "prompt_n") + _timing(exchange, "cache_n")
        if counted < (exchange.prompt_tokens or 0):
            return Missing(missing="the engine says that it read fewer tokens than the prompt has")
        if exchange.prompt_tokens and counted > exchange.prompt_tokens:
            return Missing(
                missing="the engine counts tokens twice: those that it read and those that it remembered are "
                "more than the prompt has"
            )
    return None


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
    medians = [statistics.median(process) for process in values]
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


def _gaps_s(processes: Sequence[Exchanges]) -> list[list[float]] | Missing:
    if problem := metrics.too_many_failures(processes):
        return problem
    gaps = [
        [gap for x in process if answered(x) and metrics.is_streamed(x) for gap in x.itl_s]
        for process in processes
    ]
    return [process for process in gaps if process] or metrics.TOO_FEW_PIECES


def _of_answers(exchanges: Exchanges, read: Callable[[Exchange], float | None]) -> list[float]:
    return [value for x in exchanges if answered(x) and (value := read(x)) is not None]


def _timing(exchange: Exchange, name: str) -> float:
    """A number of the engine's own timings; 0 when it reports none."""
    value = exchange.timings.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0.0
    return max(0.0, float(value))


def _remembered(exchange: Exchange) -> float | None:
    """The share of the prompt that the engine says it remembered."""
    if "cache_n" not in exchange.timings or not exchange.prompt_tokens:
        return None
    return _timing(exchange, "cache_n") / exchange.prompt_tokens


def _prompt_s(exchange: Exchange) -> float | None:
    return _timing(exchange, "prompt_ms") / 1000 or None
