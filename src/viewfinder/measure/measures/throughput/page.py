"""What a model gives to several clients at once, in the guide's words; called by `tables`."""

from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.throughput.result import Level, Throughput
from viewfinder.measure.results import ModelResult
from viewfinder.report.figures import Cell, in_unit
from viewfinder.report.markdown import table, text


def rows(result: ModelResult, cell: Cell) -> list[tuple[str, str]]:
    """The headline, as rows of the recipe."""
    found = result.throughput
    if found is None:
        return []
    if isinstance(found, Missing):
        return [("Most answers (per s)", cell(found))]
    return [
        ("Most answers (per s)", cell(found.best)),
        ("Clients that get them", _saturated(found, cell)),
    ]


def levels(found: Throughput, cell: Cell) -> str:
    """A line for each level; times are p50 and p95."""
    closed = (
        (
            str(level.clients),
            cell(level.requests),
            cell(level.tokens),
            *_times(level, cell),
        )
        for level in found.closed
    )
    opened = (
        (f"at random, {100 * level.share:.0f} % of the best", cell(level.arrivals), "", *_times(level, cell))
        for level in found.open
    )
    header = (
        "Clients",
        "Requests/s",
        "Tokens/s",
        "First token (ms)",
        "First token p95 (ms)",
        "Whole request (ms)",
        "Whole request p95 (ms)",
        "Failed",
    )
    return table(header, (*closed, *opened))


def _times(level: Level, cell: Cell) -> tuple[str, ...]:
    times = (level.ttft, level.ttft_p95, level.e2e, level.e2e_p95)
    return (*(cell(in_unit(time, "ms")) for time in times), _failed(level))


def _failed(level: Level) -> str:
    """`3 of 72: 2 timeout, 1 empty`."""
    if not level.failures:
        return f"0 of {level.asked}"
    each = ", ".join(f"{number} {code}" for code, number in level.failures.items())
    return text(f"{sum(level.failures.values())} of {level.asked}: {each}")


def _saturated(found: Throughput, cell: Cell) -> str:
    if isinstance(found.saturated_at, Missing):
        return cell(found.saturated_at)
    if found.saturated_at == max(level.clients for level in found.closed if level.asked):
        return f"{found.saturated_at}, the most that were tried: it may give more to more"
    if found.saturated_at == 1:
        return "1: more at once only wait longer"
    return f"{found.saturated_at}: more at once get less than 5 % more"
