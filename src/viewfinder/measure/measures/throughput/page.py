"""How the throughput reads in the guide: two rows of a model's table, and a table of all levels."""

from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.base import Row, Table, Writer
from viewfinder.measure.measures.throughput.result import Level, Throughput

METHOD = (
    "**Several clients at once**: every client is busy before, while and after what counts is asked, each "
    "request brings a new picture, and the gateway is not between. The rate of a server process is clients "
    "x answers / the seconds that they waited. A request that comes at random counts from its scheduled "
    "time, however late it was sent.",
)


def rows(found: Throughput | Missing, write: Writer) -> list[Row]:
    if isinstance(found, Missing):
        return [("Most answers (per s)", write.timing(found))]
    return [
        ("Most answers (per s)", write.timing(found.best)),
        ("Clients that get them", _saturated(found, write)),
    ]


def section(found: Throughput, write: Writer) -> list[Table]:
    """A line for each level; times are p50 and p95."""
    closed = [
        (
            str(level.clients),
            write.timing(level.requests),
            write.timing(level.tokens),
            *_times(level, write),
        )
        for level in found.closed
    ]
    opened = [
        (
            f"at random, {100 * level.share:.0f} % of the best",
            write.timing(level.arrivals),
            "",
            *_times(level, write),
        )
        for level in found.open
    ]
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
    intro = (
        "Several clients at once, each request with a new 512 px image: clients that each ask again as soon"
        " as they are answered, then requests at random times, whose times count from when each was "
        "scheduled (medians, and 95th percentiles):"
    )
    return [Table(intro, header, [*closed, *opened])]


def _times(level: Level, write: Writer) -> tuple[str, ...]:
    times = (level.ttft, level.ttft_p95, level.e2e, level.e2e_p95)
    return (*(write.timing(time, "ms") for time in times), _failed(level, write))


def _failed(level: Level, write: Writer) -> str:
    """`3 of 72: 2 timeout, 1 empty`."""
    if not level.failures:
        return f"0 of {level.asked}"
    each = ", ".join(f"{number} {code}" for code, number in level.failures.items())
    return write.text(f"{sum(level.failures.values())} of {level.asked}: {each}")


def _saturated(found: Throughput, write: Writer) -> str:
    if isinstance(found.saturated_at, Missing):
        return write.timing(found.saturated_at)
    if found.saturated_at == max(level.clients for level in found.closed if level.asked):
        return f"{found.saturated_at}, the most that were tried: it may give more to more"
    if found.saturated_at == 1:
        return "1: more at once only wait longer"
    return f"{found.saturated_at}: more at once get less than 5 % more"
