"""How the timed requests read in the guide: rows of a model's table, and two tables under it."""

from collections.abc import Iterator, Mapping

from viewfinder.measure.figures import Missing, in_unit
from viewfinder.measure.measures.base import CellContent, Row, Table, Timing
from viewfinder.measure.measures.latency.find import DECODE, INFERENCE, TTFT_IMAGE, TTFT_TEXT, headline
from viewfinder.measure.measures.latency.result import Latency, PausedTimes, RequestTimes, Spread

_KINDS = {
    "images": "new image, described",
    "short": "new image, one-word answer",
    "repeats": "same image again, described",
    "texts": "text, short answer",
}
_TIMES = {
    "ttft": "time to first token",
    "itl": "between tokens (ITL)",
    "tpot": "per token after the first (TPOT)",
    "e2e": "whole request",
}
_PAUSED_TIMES = {name: _TIMES[name] for name in ("ttft", "e2e")}
METHOD = (
    "**Average inference** is the mean time of a whole request with a picture not sent before and a fixed "
    "question, one request at a time, warm.",
    "**A new image costs** the difference between a request with a new image and the same request again, "
    "which the engine answers from its cache: the time to encode the image and to read its tokens.",
    "**After a pause**: requests with a new image and a one-word answer, each 0.2 or 2 s after the answer "
    "before. This is the time that a person waits: requests back to back find threads and caches warm.",
    "p95 needs at least 72 samples and p99 at least 368, and more if requests to the same process resemble "
    "each other.",
)


def rows(found: Latency | Missing) -> list[Row]:
    figures = headline(found)
    lines: list[Row] = [
        ("Average inference (s)", Timing(in_unit(figures[INFERENCE], "s"))),
        ("Median inference (s)", Timing(in_unit(figures["median inference"], "s"))),
        ("Output tokens", figures["output tokens"]),
        ("Time to first token, image (ms)", Timing(in_unit(figures[TTFT_IMAGE], "ms"))),
        ("Time to first token, text (ms)", Timing(in_unit(figures[TTFT_TEXT], "ms"))),
        ("Decode speed (tokens/s)", Timing(figures[DECODE])),
    ]
    if isinstance(found, Missing):
        return lines
    first, later = found.first_image, found.later_images
    return [
        *lines,
        ("First image after a start: time to first token (ms)", Timing(in_unit(first, "ms"))),
        ("Later images, same kind of question (ms)", Timing(in_unit(later, "ms"))),
        ("First image / later images", Timing(found.first_slower)),
        ("A new image costs (ms)", Timing(in_unit(found.new_image, "ms"))),
        *(_row_after(one) for one in found.paused),
    ]


def _row_after(one: PausedTimes) -> Row:
    title = f"After a pause of {one.pause_s:g} s: time to first token, image (ms)"
    return (title, Timing(in_unit(one.ttft.p50, "ms")))


def section(result: Latency) -> list[Table]:
    return [_percentiles(result), _speeds(result)]


def _percentiles(result: Latency) -> Table:
    """Milliseconds; one line for each kind of request and each time."""
    lines: list[dict[str, CellContent]] = []
    for name, title in _KINDS.items():
        one: RequestTimes | Missing = getattr(result, name)
        if isinstance(one, Missing):
            why = Timing(one)
            lines.append({"Requests": title, "Time (ms)": "", "p50": why, "p95": why, "p99": why})
            continue
        lines += _lines(title, one, _TIMES)
    for paused in result.paused:
        lines += _lines(f"{_KINDS['short']}, after {paused.pause_s:g} s", paused, _PAUSED_TIMES)
    intro = "How long requests take, one at a time; an image that was sent before never counts as a new one:"
    return Table(intro, lines)


def _lines(title: str, one: RequestTimes, times: Mapping[str, str]) -> Iterator[dict[str, CellContent]]:
    """The lines of one kind of request."""
    for figure, words in times.items():
        spread: Spread = getattr(one, figure)
        percentiles = {at: Timing(in_unit(getattr(spread, at), "ms")) for at in ("p50", "p95", "p99")}
        yield {"Requests": title, "Time (ms)": words, **percentiles}


def _speeds(result: Latency) -> Table:
    """One line for each kind of request that the suite has."""
    intro = (
        "How fast the engine reads a prompt, by its own clock and with the image's encoding in it, and "
        "writes an answer:"
    )
    lines: list[dict[str, CellContent]] = [
        {
            "Requests": title,
            "Output tokens": Timing(one.output_tokens),
            "Prefill speed (tokens/s)": Timing(one.prefill_rate),
            "Decode speed (tokens/s)": Timing(one.decode_rate),
        }
        for name, title in _KINDS.items()
        if isinstance(one := getattr(result, name), RequestTimes)
    ]
    return Table(intro, lines)
