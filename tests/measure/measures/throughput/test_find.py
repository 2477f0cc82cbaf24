"""Figures of demand: rates that simulated queues are known to have, and what the requests do not show."""

import heapq
import random
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from scipy import stats as scipy_stats

from viewfinder.catalog.card import Variant
from viewfinder.client.exchange import Exchange
from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.throughput import MEASURE
from viewfinder.measure.measures.throughput.ask import answer_rate, arrivals, closed_level
from viewfinder.measure.measures.throughput.find import closed_figures, open_figures, saturation
from viewfinder.measure.measures.throughput.result import Throughput
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.store.rows import Sample


def said(begun_s: float, taken_s: float, *, text: str = "Red.", error: str = "") -> Exchange:
    return Exchange(
        begun_s,
        begun_s + taken_s,
        first_token_s=begun_s + taken_s / 2,
        last_token_s=begun_s + taken_s,
        text=text,
        completion_tokens=3,
        error=error,
    )


def queued(clients: int, slots: int, n: int, service_s: Callable[[], float]) -> list[Exchange]:
    """A server that answers `slots` requests at once and lets the others wait in their order; without its
    first round, and without requests that began after the n-th one."""
    asking = [(0.0, client) for client in range(clients)]
    free = [0.0] * slots
    exchanges = []
    for number in range(clients + n):
        begun_s, client = heapq.heappop(asking)
        done_s = max(begun_s, heapq.heappop(free)) + service_s()
        heapq.heappush(free, done_s)
        heapq.heappush(asking, (done_s, client))
        if number >= clients:
            exchanges.append(said(begun_s, done_s - begun_s))
    return exchanges


def at_rate(rate: float, clients: int, n: int = 12) -> list[Exchange]:
    return [said(0.0, clients / rate) for _ in range(n)]


def figure(measured: Measured) -> Figure:
    assert isinstance(measured, Figure), measured
    return measured


def missing(measured: object) -> str:
    assert isinstance(measured, Missing), measured
    return measured.missing


@pytest.mark.parametrize("clients", [1, 2, 4, 8])
@pytest.mark.parametrize("slots", [1, 2, 4])
def test_a_queue_gives_what_its_slots_do_however_few_requests_are_counted(clients: int, slots: int) -> None:
    """Answers over the time of the whole round would say a third less for 8 clients and 16 requests."""
    rate = answer_rate(clients, queued(clients, slots, 16, lambda: 0.1))
    assert rate == pytest.approx(min(clients, slots) / 0.1)


@pytest.mark.parametrize("clients", [1, 3, 8])
def test_uneven_requests_change_nothing(clients: int) -> None:
    rng = random.Random(clients)
    rate = answer_rate(clients, queued(clients, 2, 4000, lambda: rng.expovariate(1 / 0.1)))
    assert rate == pytest.approx(min(clients, 2) / 0.1, rel=0.05)


def test_only_answers_count_and_their_waiting_does() -> None:
    wordless, refused = said(0.0, 0.1, text=" "), said(0.0, 0.1, error="engine_refused: no")
    assert answer_rate(2, [said(0.0, 0.1), wordless, refused, said(0.0, 0.1)]) == pytest.approx(10.0)
    assert answer_rate(2, []) == 0.0


def test_arrivals_are_a_poisson_process_whose_rate_is_met() -> None:
    due = arrivals(20.0, 400, "seed")
    assert due == arrivals(20.0, 400, "seed") != arrivals(20.0, 400, "other")
    assert due == sorted(due)
    assert 0 <= due[0] <= due[-1] <= 20.0
    gaps = [b - a for a, b in pairwise(due)]
    assert scipy_stats.kstest(gaps, scipy_stats.expon(scale=1 / 20).cdf).pvalue > 0.01


def test_a_level_has_rates_medians_tails_and_failures() -> None:
    processes = {nth: at_rate(20.0 + nth, 4) for nth in range(6)}
    level = closed_figures(4, processes)
    assert figure(level.requests).value == pytest.approx(22.4, rel=0.01)
    assert figure(level.tokens).value == pytest.approx(3 * figure(level.requests).value)
    assert (figure(level.requests).n, figure(level.requests).is_range) == (72, False)
    assert figure(level.requests).low < 22.4 < figure(level.requests).high
    assert figure(level.e2e).value == pytest.approx(4 / 22.4, rel=0.01)
    assert figure(level.ttft).value == pytest.approx(2 / 22.4, rel=0.01)
    assert "resemble each other" in missing(level.e2e_p95)
    assert (level.asked, level.failures) == (72, {})


def test_a_tail_needs_72_requests() -> None:
    rng = random.Random(1)

    def process(n: int) -> list[Exchange]:
        return [said(0.0, rng.uniform(0.1, 0.2)) for _ in range(n)]

    assert "needs 72 samples, there were 66" in missing(
        closed_figures(1, {nth: process(11) for nth in range(6)}).e2e_p95
    )
    p95 = figure(closed_figures(1, {nth: process(40) for nth in range(6)}).e2e_p95)
    assert p95.low <= 0.195 <= p95.high
    assert p95.n == 240


def test_failures_are_counted_by_code_and_too_many_leave_no_figure() -> None:
    refused = [said(0.0, 0.1, error="engine_refused: busy")] * 2
    level = closed_figures(2, {0: [*at_rate(10, 2, 28), *refused, said(0.0, 0.1, text="")]})
    assert level.failures == {"empty": 1, "engine_refused": 2}
    assert figure(level.requests).is_range
    level = closed_figures(2, {0: [*at_rate(10, 2, 8), *refused]})
    assert "2 of 10 timed requests failed" in missing(level.requests)
    assert missing(level.requests) == missing(level.e2e) == missing(level.e2e_p95)


def test_an_engine_that_counts_no_tokens_has_no_token_rate() -> None:
    silent = [replace(one, completion_tokens=None) for one in at_rate(10, 1)]
    level = closed_figures(1, {0: silent})
    assert figure(level.requests).value == pytest.approx(10)
    assert "not reported by the engine" in missing(level.tokens)


def test_an_open_level_says_what_was_offered() -> None:
    level = open_figures(0.5, {nth: at_rate(10, 1) for nth in range(2)}, [5.0, 5.2])
    assert (figure(level.arrivals).low, figure(level.arrivals).high) == (5.0, 5.2)
    assert "from the scheduled time of the request" in figure(level.e2e).how
    nobody = open_figures(0.5, {}, [])
    assert missing(nobody.arrivals) == missing(nobody.e2e) == missing(nobody.ttft_p95)


def planted(
    rates: dict[int, float], processes: int = 6, noise: float = 0.01
) -> dict[int, dict[int, list[Exchange]]]:
    rng = random.Random(4)
    return {
        clients: {nth: at_rate(rate * rng.lognormvariate(0, noise), clients) for nth in range(processes)}
        for clients, rate in rates.items()
    }


def logs(closed: dict[int, dict[int, list[Exchange]]]) -> list[ProcessLog]:
    """The processes, each with its samples of all levels."""
    return [
        ProcessLog(
            nth,
            [
                Sample("run", "m", nth, closed_level(clients), "?", exchange)
                for clients, processes in closed.items()
                for exchange in processes.get(nth, [])
            ],
            nth=nth,
        )
        for nth in sorted({nth for processes in closed.values() for nth in processes})
    ]


def throughput(logs: list[ProcessLog]) -> Throughput:
    variant = Variant(name="v", engine="e", repo="r", vision=True, text=True)
    found = MEASURE.find(logs, MEASURE.counts["standard"], variant)
    assert isinstance(found, Throughput), found
    return found


@pytest.mark.parametrize(
    ("rates", "at"),
    [
        ({1: 20.0, 2: 20.1, 4: 20.2, 8: 20.0}, 1),
        ({1: 10.0, 2: 19.0, 4: 19.2, 8: 19.1}, 2),
        ({1: 10.0, 2: 19.0, 4: 30.0, 8: 50.0}, 8),
        ({1: 10.0, 2: 19.0, 4: 15.0, 8: 12.0}, 2),
    ],
    ids=["one slot", "two slots", "never", "worse when crowded"],
)
def test_where_more_clients_bring_no_more(rates: dict[int, float], at: int) -> None:
    found = throughput(logs(planted(rates)))
    assert found.saturated_at == at
    assert figure(found.best).value == pytest.approx(max(rates.values()), rel=0.02)
    assert [level.clients for level in found.closed] == [1, 2, 4, 8]


def test_doubt_says_how_many_more_processes_it_would_take() -> None:
    doubtful = planted({1: 18.7, 2: 20.0}, noise=0.05)
    assert "one client gets at least 95 % of the rate of 2 is not shown: needs about" in missing(
        saturation(doubtful, 2)
    )
    once = planted({1: 19.9, 2: 20.0}, processes=1)
    assert "needs 2 processes" in missing(saturation(once, 2))


def test_levels_that_no_process_reached_say_so() -> None:
    found = throughput(logs({1: {0: at_rate(10, 1)}, 8: {}}))
    assert "reached this level" in missing(found.closed[1].requests)
    assert "reached this level" in missing(found.open[0].e2e)
    assert "more than one number of clients" in missing(found.saturated_at)
    assert "reached this level" in missing(throughput([ProcessLog(0, [])]).best)
