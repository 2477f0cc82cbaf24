"""How long requests and starts take: rows of a recipe, and two tables under it; called by `tables`.

`cell` prints a figure, or the reason why there is none.
"""

from collections.abc import Callable

from viewfinder.measure.figures import LoadTimes, Measured, Missing
from viewfinder.measure.measures.latency.result import Cell, Latency
from viewfinder.measure.results import ModelResult
from viewfinder.report.figures import in_unit
from viewfinder.report.markdown import table

Print = Callable[[Measured], str]
CELLS = {
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


def rows(result: ModelResult, cell: Print) -> list[tuple[str, str]]:
    """Starts from the disk, first images, and what a new image costs."""
    found: list[tuple[str, str]] = []
    if result.cold_load is not None:
        cold = result.cold_load
        measured = cold.first_correct if isinstance(cold, LoadTimes) else cold
        found.append(("Load time, files from the disk (s)", cell(measured)))
    if not isinstance(result.latency, Latency):
        return found
    latency = result.latency
    return [
        *found,
        ("First image after a start: time to first token (ms)", cell(in_unit(latency.first_image, "ms"))),
        ("Later images, same kind of question (ms)", cell(in_unit(latency.later_images, "ms"))),
        ("First image / later images", cell(latency.first_slower)),
        ("A new image costs (ms)", cell(in_unit(latency.new_image, "ms"))),
    ]


def speeds(latency: Latency, cell: Print) -> str:
    """How fast the engine reads and writes, one line for each sort of request that was asked."""
    asked = [(title, one) for name, title in CELLS.items() if isinstance(one := getattr(latency, name), Cell)]
    return table(
        ("Requests", "Output tokens", "Prefill speed (tokens/s)", "Decode speed (tokens/s)"),
        (
            (title, cell(one.output_tokens), cell(one.prefill_rate), cell(one.decode_rate))
            for title, one in asked
        ),
    )


def percentiles(latency: Latency, cell: Print) -> str:
    """Milliseconds; one line for each sort of request and each figure."""
    lines: list[tuple[str, ...]] = []
    for name, title in CELLS.items():
        one: Cell | Missing = getattr(latency, name)
        if isinstance(one, Missing):
            lines.append((title, "", *[cell(one)] * 3))
            continue
        for figure, words in TIMES.items():
            spread = getattr(one, figure)
            places = (spread.p50, spread.p95, spread.p99)
            lines.append((title, words, *(cell(in_unit(place, "ms")) for place in places)))
    return table(("Requests", "Time (ms)", "p50", "p95", "p99"), lines)
