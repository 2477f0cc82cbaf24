"""The times that the instrument measures, of requests whose times are known."""

import asyncio
import statistics
from collections.abc import Callable

from rich.progress import track

from benchmarks.validity.stand_in import QUESTION, Pace, standing_in
from benchmarks.validity.table import SHORT, Row, Table
from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.client.exchange import Exchange
from viewfinder.measure import metrics
from viewfinder.measure.figures import Figure, Measured
from viewfinder.measure.prompts import body, text_message

PACE = Pace(ttft_s=0.2, itl_s=0.02, words=16)
WITHIN = 0.02
SESSIONS = 6
"""Sessions with one server: the number that an interval needs."""
REQUESTS = 3 if SHORT else 12


def prove() -> Table:
    with standing_in(PACE) as endpoint:
        sessions = [
            asyncio.run(session(endpoint, REQUESTS)) for _ in track(range(SESSIONS), "Timing", transient=True)
        ]
    readings: tuple[tuple[str, float, Callable[[Exchange], float | None]], ...] = (
        ("TTFT", PACE.ttft_s, lambda exchange: exchange.ttft_s),
        ("ITL", PACE.itl_s, lambda exchange: statistics.median(exchange.itl_s)),
        ("TPOT", PACE.itl_s, lambda exchange: exchange.tpot_s),
        ("E2E", PACE.e2e_s, lambda exchange: exchange.e2e_s),
    )
    return Table(
        "timing",
        "Times against a stand-in server",
        f"A server that says {PACE.words} words at fixed moments, asked {SESSIONS * REQUESTS} times in "
        f"{SESSIONS} sessions through `client/chat`, the medians made by `measure/metrics`.",
        tuple(row(what, due_s, metrics.median(sessions, read, "s", what)) for what, due_s, read in readings),
        own_words(sessions),
    )


async def session(endpoint: Endpoint, requests: int) -> list[Exchange]:
    """One request after the other, as `bench` times them."""
    request = body("any", [text_message(QUESTION)])
    async with ChatClient(endpoint) as client:
        return [await client.exchange(request) for _ in range(requests)]


def own_words(sessions: list[list[Exchange]]) -> str:
    """The server's own times: on a busy machine, it is late as well."""
    left_s = [exchange.timings["left_s"] for one in sessions for exchange in one if exchange.timings]
    first_s, last_s = (statistics.median(left[place] for left in left_s) for place in (0, -1))
    return (
        f"By the server's own clock, its first word left {1000 * first_s:.2f} ms after the request "
        f"had arrived, and its last {1000 * last_s:.2f} ms (medians)."
    )


def row(what: str, due_s: float, measured: Measured) -> Row:
    due = f"{1000 * due_s:.0f} ms within {100 * WITHIN:.0f} %"
    if not isinstance(measured, Figure):
        return Row(f"median {what}", due, measured.missing, good=False)
    off = measured.value / due_s - 1
    found = (
        f"{1000 * measured.value:.2f} ms ({100 * off:+.2f} %); "
        f"interval {1000 * measured.low:.2f} to {1000 * measured.high:.2f}"
    )
    return Row(f"median {what}", due, found, abs(off) <= WITHIN)
