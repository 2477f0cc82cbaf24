"""How the timed requests read in the guide: rows of a model's table, and two tables under it."""

from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import Row, Table, Writer
from viewfinder.measure.measures.latency.find import DECODE, INFERENCE, TTFT_IMAGE, TTFT_TEXT, headline
from viewfinder.measure.measures.latency.result import Latency, RequestTimes, Spread

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
METHOD = (
    "**Average inference** is the mean time of a whole request with a picture not sent before and a fixed "
    "question, one request at a time, warm.",
    "**A new image costs** the difference between a request with a new image and the same request again, "
    "which the engine answers from its cache: the time to encode the image and to read its tokens.",
    "p95 needs at least 72 samples and p99 at least 368, and more if requests to the same process resemble "
    "each other.",
)


def rows(found: Latency | Missing, write: Writer) -> list[Row]:
    figures = headline(found)
    lines = [
        ("Average inference (s)", write.timing(figures[INFERENCE], "s")),
        ("Median inference (s)", write.timing(figures["median inference"], "s")),
        ("Output tokens", write.figure(figures["output tokens"])),
        ("Time to first token, image (ms)", write.timing(figures[TTFT_IMAGE], "ms")),
        ("Time to first token, text (ms)", write.timing(figures[TTFT_TEXT], "ms")),
        ("Decode speed", write.timing(figures[DECODE], with_unit=True)),
    ]
    if isinstance(found, Missing):
        return lines
    first, later = found.first_image, found.later_images
    return [
        *lines,
        ("First image after a start: time to first token (ms)", write.timing(first, "ms")),
        ("Later images, same kind of question (ms)", write.timing(later, "ms")),
        ("First image / later images", write.timing(found.first_slower)),
        ("A new image costs (ms)", write.timing(found.new_image, "ms")),
    ]


def section(result: Latency, write: Writer) -> list[Table]:
    return [_percentiles(result, write), _speeds(result, write)]


def _percentiles(result: Latency, write: Writer) -> Table:
    """Milliseconds; one line for each kind of request and each time."""
    lines: list[dict[str, str]] = []
    for name, title in _KINDS.items():
        one: RequestTimes | Missing = getattr(result, name)
        if isinstance(one, Missing):
            why = write.timing(one)
            lines.append({"Requests": title, "Time (ms)": "", "p50": why, "p95": why, "p99": why})
            continue
        for figure, words in _TIMES.items():
            spread: Spread = getattr(one, figure)
            percentiles = {at: write.timing(getattr(spread, at), "ms") for at in ("p50", "p95", "p99")}
            lines.append({"Requests": title, "Time (ms)": words, **percentiles})
    intro = "How long requests take, one at a time; an image that was sent before never counts as a new one:"
    return Table(intro, lines)


def _speeds(result: Latency, write: Writer) -> Table:
    """One line for each kind of request that the suite has."""
    intro = (
        "How fast the engine reads a prompt, by its own clock and with the image's encoding in it, and "
        "writes an answer:"
    )
    lines = [
        {
            "Requests": title,
            "Output tokens": write.timing(one.output_tokens),
            "Prefill speed (tokens/s)": write.timing(one.prefill_rate),
            "Decode speed (tokens/s)": write.timing(one.decode_rate),
        }
        for name, title in _KINDS.items()
        if isinstance(one := getattr(result, name), RequestTimes)
    ]
    return Table(intro, lines)
