"""How the throughput reads in the guide: two rows of a model's table, and a table of all levels."""

from viewfinder.measure.figures import Missing, in_unit
from viewfinder.measure.measures.base import CellContent, Row, Table, Timing
from viewfinder.measure.measures.throughput.result import Level, Throughput

METHOD = (
    "**Several clients at once**: every client is busy before, during and after the requests that count, "
    "each request has a new picture, and the gateway is left out. The rate of a server process is clients x "
    "answers / the seconds that they waited. A request that arrives at random counts from its scheduled "
    "time, however late it was sent.",
)


def rows(found: Throughput | Missing) -> list[Row]:
    if isinstance(found, Missing):
        return [("Most answers (per s)", Timing(found))]
    return [
        ("Most answers (per s)", Timing(found.best)),
        ("Clients that get them", _saturated(found)),
    ]


def section(found: Throughput) -> list[Table]:
    """A line for each level; times are p50 and p95."""
    closed: list[dict[str, CellContent]] = [
        {
            "Clients": str(level.clients),
            "Requests/s": Timing(level.requests),
            "Tokens/s": Timing(level.tokens),
            **_times(level),
        }
        for level in found.closed
    ]
    opened: list[dict[str, CellContent]] = [
        {
            "Clients": f"at random, {100 * level.share:.0f} % of the best",
            "Requests/s": Timing(level.arrivals),
            **_times(level),
        }
        for level in found.open
    ]
    intro = (
        "Several clients at once, each request with a new 512 px image: clients that each send their next "
        "request as soon as they have an answer, then requests at random times, each timed from its "
        "scheduled time (medians, and 95th percentiles):"
    )
    return [Table(intro, [*closed, *opened])]


def _times(level: Level) -> dict[str, CellContent]:
    return {
        "First token (ms)": Timing(in_unit(level.ttft, "ms")),
        "First token p95 (ms)": Timing(in_unit(level.ttft_p95, "ms")),
        "Whole request (ms)": Timing(in_unit(level.e2e, "ms")),
        "Whole request p95 (ms)": Timing(in_unit(level.e2e_p95, "ms")),
        "Failed": _failed(level),
    }


def _failed(level: Level) -> str:
    """`3 of 72: 2 timeout, 1 empty`."""
    if not level.failures:
        return f"0 of {level.asked}"
    each = ", ".join(f"{number} {code}" for code, number in level.failures.items())
    return f"{sum(level.failures.values())} of {level.asked}: {each}"


def _saturated(found: Throughput) -> CellContent:
    if isinstance(found.saturated_at, Missing):
        return Timing(found.saturated_at)
    if found.saturated_at == max(level.clients for level in found.closed if level.asked):
        return f"{found.saturated_at}, the most that were tried: more clients may get more"
    if found.saturated_at == 1:
        return "1: more clients only wait longer"
    return f"{found.saturated_at}: more clients get less than 5 % more"
