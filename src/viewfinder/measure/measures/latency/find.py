"""From timed requests to percentiles and speeds; pure."""

import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain

from viewfinder.catalog.card import Variant
from viewfinder.client.exchange import Exchange
from viewfinder.fleet.record.measured_costs import LATENCY_COSTS
from viewfinder.fleet.record.measured_file import MeasuredSpan
from viewfinder.measure import metrics
from viewfinder.measure.figures import NO_VISION, NOT_OURS, Figure, Measured, Missing, in_unit
from viewfinder.measure.measures import to_files
from viewfinder.measure.measures.base import Facts, ResultHeader, others_at_work
from viewfinder.measure.measures.latency.counts import LatencyCounts
from viewfinder.measure.measures.latency.pauses import PAUSED
from viewfinder.measure.measures.latency.result import Latency, PausedTimes, RequestTimes, Spread
from viewfinder.measure.metrics import E2E_S, PROCESSES, SESSIONS, TOKENS, TPOT_S, TTFT_S, answered
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.statistics import over_processes

Exchanges = Sequence[Exchange]
_NOT_IN_SUITE = Missing(missing="the suite does not ask it")
_CACHED_PROMPT = Missing(missing="the engine takes most of the prompt from its cache")
_NO_PROMPT_TIME = Missing(missing="the engine does not report how long it read the prompt")
IN_BURSTS = Missing(missing="most pieces of an answer came together with the one before")
_CACHED = 0.5
MUCH_SLOWER = 1.5
"""The first image is worth a remark if it surely takes more than this number of times as long."""
"""An engine that reports at least this share of a prompt as cached had the image in its cache."""

INFERENCE, DECODE = "average inference", "decode speed"
TTFT_IMAGE, TTFT_TEXT = "time to first token, image", "time to first token, text"
_SHOWN_IN = {INFERENCE: "s", TTFT_IMAGE: "ms", TTFT_TEXT: "ms", DECODE: "tokens/s"}
"""The unit of each headline figure that runs and models are compared by."""
_NEW = "requests with a new 512 px image each and 'Describe this image.'"
_SHORT = "requests with a new 512 px image each and a question with a one-word answer"
_REPEATS = "repeats of one request with a 512 px image and 'Describe this image.', after its first time"
_TEXTS = "short questions without an image, no two alike"


def latency(logs: Sequence[ProcessLog], counts: LatencyCounts, variant: Variant) -> Latency:
    over = PROCESSES if variant.server is None else SESSIONS
    images, short, repeats, texts = (
        [log.exchanges(scenario) for log in logs] for scenario in ("images", "short", "repeats", "texts")
    )
    failed = (
        metrics.failures(what, list(chain(*some))) for what, some in (("image", images), ("text", texts))
    )
    found = Latency(
        images=request_times(images, _NEW, over),
        short=request_times(short, _SHORT, over),
        repeats=request_times(repeats, _REPEATS, over, is_new=False),
        texts=request_times(texts, _TEXTS, over),
        first_image=_first_image(logs),
        later_images=metrics.median(short, TTFT_S, "s", f"time to the first token of {_SHORT}, warm", over),
        first_slower=_first_slower(logs),
        new_image=new_image(images, repeats, over),
        paused=tuple(_paused(logs, over)),
        failures=tuple(filter(None, failed)),
        drift=metrics.drift(images if variant.vision else texts),
    )
    if variant.vision:
        return found
    of_images = ("images", "short", "repeats", "first_image", "later_images", "first_slower", "new_image")
    return found.model_copy(update={**dict.fromkeys(of_images, NO_VISION), "paused": ()})


def request_times(
    processes: Sequence[Exchanges], what: str, over: str = PROCESSES, *, is_new: bool = True
) -> RequestTimes | Missing:
    """The figures of one kind of request; the prefill speed only of prompts that are new."""
    if not any(processes):
        return _NOT_IN_SUITE
    every = list(chain(*processes))
    return RequestTimes(
        what=what,
        ttft=_spread(metrics.readings(processes, TTFT_S), f"time to the first token of {what}", over),
        itl=_spread(_gaps_s(processes), f"time from one piece of text to the next in {what}", over),
        tpot=_spread(metrics.readings(processes, TPOT_S), f"time per token after the first of {what}", over),
        e2e=_spread(metrics.readings(processes, E2E_S), f"wall time of {what}", over),
        mean=metrics.mean(processes, E2E_S, "s", f"wall time of {what}", over),
        prefill_rate=prefill_rate(processes, over) if is_new else _CACHED_PROMPT,
        decode_rate=metrics.decode_rate(processes, over),
        output_tokens=metrics.mean(processes, TOKENS, "tokens", f"output of {what}", over),
        asked=len(every),
        failed=sum(not answered(exchange) for exchange in every),
    )


def headline(found: Latency | Missing) -> dict[str, Measured]:
    """The headline figures by name: of image requests, or of text requests if the model takes no images."""
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
    figures = {name: in_unit(known[name], unit) for name, unit in _SHOWN_IN.items()}
    if isinstance(found, Missing):
        return Facts(figures=figures)
    kinds = [one for one in (found.images, found.texts) if isinstance(one, RequestTimes)]
    return Facts(
        figures=figures,
        issues=found.failures,
        limits=(*_slow_start(found), *_slow_after_a_pause(found)),
        disturbances=(found.drift,) if found.drift else (),
        failed=sum(one.failed or 0 for one in kinds),
        timed=sum(one.asked or 0 for one in kinds),
    )


def _slow_start(found: Latency) -> Iterator[str]:
    """If the first image surely takes much longer than later ones."""
    slower, first, later = found.first_slower, found.first_image, found.later_images
    if isinstance(slower, Figure) and slower.low > MUCH_SLOWER and isinstance(first, Figure):
        times = f"{slower.value:.1f} times ({slower.low:.1f} to {slower.high:.1f})"
        more = f": {first.value - later.value:+.2f} s" if isinstance(later, Figure) else ""
        yield f"the first image after a start takes {times} as long as later ones{more}"


def _slow_after_a_pause(found: Latency) -> Iterator[str]:
    """If an image after the longest pause surely takes much longer than one back to back."""
    for one in found.paused[-1:]:
        slower, waited, later = one.slower, one.ttft.p50, found.later_images
        if isinstance(slower, Figure) and slower.low > MUCH_SLOWER and isinstance(waited, Figure):
            times = f"{slower.value:.1f} times ({slower.low:.1f} to {slower.high:.1f})"
            more = f": {1000 * (waited.value - later.value):+.0f} ms" if isinstance(later, Figure) else ""
            yield f"after a pause of {one.pause_s:g} s an image takes {times} as long as back to back{more}"


def files(found: Latency, header: ResultHeader) -> dict[str, bytes]:
    """What the gateway estimates requests by, before they run."""
    shown, texts = found.short, found.texts
    shown = shown if isinstance(shown, RequestTimes) else found.images
    long = found.images if isinstance(found.images, RequestTimes) else texts
    costs = {
        "text_first_s": _upto_p95(texts.ttft) if isinstance(texts, RequestTimes) else None,
        "image_first_s": _upto_p95(shown.ttft) if isinstance(shown, RequestTimes) else None,
        "image_whole_s": _upto_p95(shown.e2e) if isinstance(shown, RequestTimes) else None,
        "token_s": _upto_p95(long.tpot) if isinstance(long, RequestTimes) else None,
    }
    return to_files.cost_file(header, LATENCY_COSTS, costs)


def _upto_p95(spread: Spread) -> MeasuredSpan | None:
    return to_files.span(spread.p50, spread.p95)


def disturbed(log: ProcessLog) -> str:
    """Other programs at work, or requests that became slower and slower."""
    return others_at_work(log) or metrics.slowdown(log.exchanges("images") or log.exchanges("texts"))


def typical_times(
    scenario: str, read: Callable[[Exchange], float | None], logs: Sequence[ProcessLog]
) -> Mapping[int, float]:
    """The typical time of one kind of request, by process."""
    times = {log.number: [s for s in _of_answers(log.exchanges(scenario), read) if s > 0] for log in logs}
    return {number: over_processes.of_process(some) for number, some in times.items() if some}


def decode_speeds(logs: Sequence[ProcessLog]) -> Mapping[int, float]:
    """Tokens after the first over the time after it, by process; of image requests where there are any."""
    scenario = "images" if any(log.of("images") for log in logs) else "texts"
    streamed = {
        log.number: metrics.decoded(
            [x for x in log.exchanges(scenario) if answered(x) and metrics.is_streamed(x)]
        )
        for log in logs
    }
    return {number: tokens / spent_s for number, (tokens, spent_s) in streamed.items() if tokens}


def prefill_rate(processes: Sequence[Exchanges], over: str = PROCESSES) -> Measured:
    """Tokens of the prompt that were not cached, over the time that the engine reports for them.

    Missing if the engine's own counts do not add up to the prompt: llama.cpp once counted one token for an
    image and its whole time (ggml-org/llama.cpp 5336); an engine that counts cached tokens as read would seem
    faster than it is.
    """
    if problem := metrics.too_many_failures(processes):
        return problem
    stamped = (
        [x for x in process if answered(x) and _timing(x, "prompt_n") and _timing(x, "prompt_ms")]
        for process in processes
    )
    timed = list(filter(None, stamped))
    if not timed:
        return _NO_PROMPT_TIME
    if problem := _miscounted(list(chain(*timed))):
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
    """The cost of a new image before the first token: the time to encode it and to read its tokens.

    An engine that gets the same request again has both in its cache, so the difference to a new image is
    their time; no engine reports the two separately. By the engine's own time for the prompt if it reports
    one, else by the time to the first token.
    """
    if not any(repeats):
        return _NOT_IN_SUITE
    if problem := metrics.too_many_failures(new) or metrics.too_many_failures(repeats):
        return problem
    good = [x for process in (*new, *repeats) for x in process if answered(x)]
    own_clock = all(_timing(x, "prompt_ms") for x in good)
    read = _prompt_s if own_clock else TTFT_S
    differences, n = [], 0
    for process, again in zip(new, repeats, strict=True):
        costs, cached = _of_answers(process, read), _of_answers(again, read)
        if costs and cached:
            differences.append(statistics.median(costs) - statistics.median(cached))
            n += len(costs) + len(cached)
    if not differences:
        return metrics.NOTHING_ASKED
    shares = [share for process in repeats for share in _of_answers(process, _cached_share)]
    if shares and statistics.median(shares) < _CACHED:
        return Missing(missing="the engine reports that it does not cache images")
    clock = "the engine's own time for the prompt" if own_clock else "time to the first token"
    how = (
        f"median over {len(differences)} {over}: {clock} with a new 512 px image minus that with one sent "
        f"again, each the median of its requests: encoding it and reading its tokens; {n} requests"
    )
    cost = metrics.middle(differences, "s", how)
    if isinstance(cost, Figure) and cost.low <= 0:
        return Missing(
            missing="an image that was sent again took no less time: the engine does not cache images"
        )
    return cost


def _first_of(log: ProcessLog) -> Exchange | None:
    """The process's first request about an image."""
    return next((sample.exchange for sample in log.of("load") if sample.scene), None)


def _first_image(logs: Sequence[ProcessLog]) -> Measured:
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
    """Each process's first image over the median of its later ones with the same kind of question."""
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
        return _NOT_IN_SUITE
    how = (
        f"{metrics.TYPICAL} over {len(ratios)} fresh starts of the time to the first token of the first "
        "image / the median of later new images with the same kind of question"
    )
    return metrics.typical(ratios, len(ratios), "times", how)


def _paused(logs: Sequence[ProcessLog], over: str) -> Iterator[PausedTimes]:
    """The requests after each pause that the suite has, and each process's median of them over that of the
    same kind back to back."""
    for scenario, pause_s in PAUSED.items():
        processes = [log.exchanges(scenario) for log in logs]
        after = f"{pause_s:g} s after the answer before"
        times = request_times(processes, f"{_SHORT}, each {after}", over)
        if isinstance(times, Missing):
            continue
        ratios = [
            statistics.median(paused) / statistics.median(short)
            for log in logs
            if (paused := _of_answers(log.exchanges(scenario), TTFT_S))
            and (short := _of_answers(log.exchanges("short"), TTFT_S))
        ]
        how = (
            f"{metrics.TYPICAL} over {len(ratios)} {over} of the time to the first token {after} / that of "
            "the same kind of request back to back, each the median of its requests"
        )
        slower = metrics.typical(ratios, len(ratios), "times", how) if ratios else _NOT_IN_SUITE
        yield PausedTimes(**dict(times), pause_s=pause_s, slower=slower)


def _miscounted(exchanges: Exchanges) -> Missing | None:
    """Why the engine's counts of read and cached tokens cannot be right, or None."""
    for exchange in exchanges:
        counted = _timing(exchange, "prompt_n") + _timing(exchange, "cache_n")
        if counted < (exchange.prompt_tokens or 0):
            return Missing(missing="the engine reports fewer tokens than the prompt has")
        if exchange.prompt_tokens and counted > exchange.prompt_tokens:
            return Missing(
                missing="the engine counts tokens twice: it reports more read and cached tokens than the "
                "prompt has"
            )
    return None


def _spread(values: list[list[float]] | Missing, what: str, over: str) -> Spread:
    return Spread(
        p50=_median(values, what, over),
        p95=metrics.tail(values, 0.95, what, over),
        p99=metrics.tail(values, 0.99, what, over),
    )


def _median(values: list[list[float]] | Missing, what: str, over: str) -> Measured:
    """The geometric mean of the processes' medians, with an interval that depends on the number of
    processes."""
    if isinstance(values, Missing):
        return values
    medians = [statistics.median(process) for process in values]
    if min(medians) <= 0:
        return IN_BURSTS
    how = f"{metrics.TYPICAL} of the medians of {len(values)} {over}: {what}"
    return metrics.typical(medians, sum(map(len, values)), "s", how)


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


def _cached_share(exchange: Exchange) -> float | None:
    """The share of the prompt that the engine reports as cached."""
    if "cache_n" not in exchange.timings or not exchange.prompt_tokens:
        return None
    return _timing(exchange, "cache_n") / exchange.prompt_tokens


def _prompt_s(exchange: Exchange) -> float | None:
    return _timing(exchange, "prompt_ms") / 1000 or None
