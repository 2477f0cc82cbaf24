"""How the timed requests read in the guide: rows of a model's table, and two tables under it."""

from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import Row, Table, Writer
from viewfinder.measure.measures.latency.find import DECODE, INFERENCE, TTFT_IMAGE, TTFT_TEXT, headline
from viewfinder.measure.measures.latency.result import Latency, RequestTimes

KINDS = {
    "images": "new image, described",
    "short": "new image, one word asked for",
    "repeats": "same image again, described",
    "texts": "text, short answer",
}
TIMES = {
    "ttft": "time to first token",
    "itl": "between tokens (ITL)",
    "tpot": "per token after the first (TPOT)",
    "e2e": "whole request",
}
METHOD = (
    "**Average inference** is the mean time of a whole request with a picture not sent before and a fixed "
    "question, one request at a time, warm.",
    "**What a new image costs** is the difference between a request with a new image and the same request "
    "again, which the engine answers from its memory: encoding the image, and reading its tokens.",
    "p95 is printed from 72 samples on and p99 from 368, and only from more when requests to one process "
    "resemble each other.",
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
    """Milliseconds; one line for each kind of request and each figure."""
    lines: list[tuple[str, ...]] = []
    for name, title in KINDS.items():
        one: RequestTimes | Missing = getattr(result, name)
        if isinstance(one, Missing):
            lines.append((title, "", *[write.timing(one)] * 3))
            continue
        for figure, words in TIMES.items():
            spread = getattr(one, figure)
            places = (spread.p50, spread.p95, spread.p99)
            lines.append((title, words, *(write.timing(place, "ms") for place in places)))
    return Table(
        "How long requests take, one at a time; an image that was asked about before is never counted among "
        "new ones:",
        ("Requests", "Time (ms)", "p50", "p95", "p99"),
        lines,
    )


def _speeds(result: Latency, write: Writer) -> Table:
    """One line for each kind of request that was asked."""
    asked = [
        (title, one)
        for name, title in KINDS.items()
        if isinstance(one := getattr(result, name), RequestTimes)
    ]
    return Table(
        "How fast the engine reads a prompt, by its own clock and with the image's encoding in it, and "
        "writes an answer:",
        ("Requests", "Output tokens", "Prefill speed (tokens/s)", "Decode speed (tokens/s)"),
        [
            (
                title,
                write.timing(one.output_tokens),
                write.timing(one.prefill_rate),
                write.timing(one.decode_rate),
            )
            for title, one in asked
        ],
    )
