"""From the requests of each level of demand to its figures, and where more clients bring no more; pure."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from viewfinder.catalog.card import Variant
from viewfinder.client.exchange import Exchange
from viewfinder.measure import metrics
from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.throughput.ask import CLIENTS, SHARES, closed_level, open_level
from viewfinder.measure.measures.throughput.counts import ThroughputCounts
from viewfinder.measure.measures.throughput.rates import answer_rate, worked
from viewfinder.measure.measures.throughput.result import Closed, Open, Throughput
from viewfinder.measure.metrics import E2E_S, TTFT_S, answered
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.statistics import restarts
from viewfinder.measure.statistics.intervals import TooFew
from viewfinder.measure.statistics.percentiles import percentile
from viewfinder.measure.statistics.ranking import MARGIN_RATIO

Processes = Mapping[int, Sequence[Exchange]]
"""What each server process was asked at one level; the process is the sample."""

NO_PROCESS = Missing(
    missing="no server process came to this level: requests take too long for it, or the engine ended before"
)


def throughput(logs: Sequence[ProcessLog], counts: ThroughputCounts, variant: Variant) -> Throughput:
    """All levels: by clients, and by the share of the best rate."""
    closed = {clients: _closed(logs, closed_level(clients)) for clients in CLIENTS}
    levels = [closed_figures(clients, closed[clients]) for clients in CLIENTS]
    known = {level.clients: level.requests for level in levels if isinstance(level.requests, Figure)}
    best = max(known, key=lambda clients: known[clients].value, default=None)
    return Throughput(
        closed=tuple(levels),
        open=tuple(
            open_figures(share, _opened(logs, open_level(share)), _rates_offered(logs, open_level(share)))
            for share in SHARES
        ),
        best=NO_PROCESS if best is None else _at(known[best], best),
        saturated_at=NO_PROCESS if best is None else saturation({n: closed[n] for n in known}, best),
    )


def closed_figures(clients: int, processes: Processes) -> Closed:
    """The figures of so many clients."""
    return Closed(
        clients=clients,
        requests=_rate(clients, processes, lambda _: 1.0, "requests/s", "answers"),
        tokens=_rate(clients, processes, _tokens, "tokens/s", "tokens of answers"),
        **_met(processes, "each client asks again as soon as it is answered"),
    )


def open_figures(share: float, processes: Processes, offered: Sequence[float]) -> Open:
    """The figures of arrivals at random at this share of the best rate."""
    n = sum(map(len, processes.values()))
    how = (
        f"so much of the best rate of each of {len(offered)} {metrics.PROCESSES}; {n} requests at times of a "
        "Poisson process, drawn from a seed"
    )
    return Open(
        share=share,
        arrivals=metrics.typical(offered, n, "requests/s", how) if offered else NO_PROCESS,
        **_met(processes, "from when the request was due, as Poisson arrivals are"),
    )


def saturation(closed: Mapping[int, Processes], best: int) -> int | Missing:
    """The fewest clients whose rate is surely less than 5 % below that of the `best` number of clients.

    Levels are compared inside each process. The best is picked by the same figures, which rather flatters it:
    fewer clients are called enough too seldom, not too often.
    """
    if len(closed) < 2:
        return Missing(missing="requests take too long for more than one number of clients")
    top = _rates(best, closed[best])
    for clients in sorted(closed):
        if clients == best:
            break
        rates = _rates(clients, closed[clients])
        shared = sorted(rates.keys() & top.keys())
        try:
            found = restarts.compare(
                [rates[part] for part in shared], [top[part] for part in shared], side_by_side=True
            )
        except TooFew as why:
            return Missing(missing=str(why))
        if found.is_not_inferior(MARGIN_RATIO):
            return clients
        if found.ceiling >= -MARGIN_RATIO:
            more = found.more_to_judge(MARGIN_RATIO)
            needed = f": needs about {more:.0f} more server processes" if 0 < more < math.inf else ""
            who = "one client gets" if clients == 1 else f"{clients} clients get"
            return Missing(missing=f"whether {who} all but 5 % of the rate of {best} is not shown{needed}")
    return best


def _met(processes: Processes, how: str) -> dict[str, Any]:
    """What clients met, by name of the field."""
    every = [exchange for exchanges in processes.values() for exchange in exchanges]
    return {
        "asked": len(every),
        "failures": dict(sorted(Counter(_code(one) for one in every if not answered(one)).items())),
        "ttft": _median(processes, TTFT_S, f"time to the first token; {how}"),
        "ttft_p95": _p95(processes, TTFT_S, f"time to the first token; {how}"),
        "e2e": _median(processes, E2E_S, f"time of a whole request; {how}"),
        "e2e_p95": _p95(processes, E2E_S, f"time of a whole request; {how}"),
    }


def _median(processes: Processes, read: Callable[[Exchange], float | None], what: str) -> Measured:
    if not processes:
        return NO_PROCESS
    return metrics.median(list(processes.values()), read, "s", what)


def _p95(processes: Processes, read: Callable[[Exchange], float | None], what: str) -> Measured:
    if not processes:
        return NO_PROCESS
    values = metrics.readings(list(processes.values()), read)
    if isinstance(values, Missing):
        return values
    try:
        value, low, high = percentile(values, 0.95)
    except TooFew as why:
        return Missing(missing=str(why))
    n = sum(map(len, values))
    how = f"95th percentile of the {what}; {n} requests, {len(values)} {metrics.PROCESSES}"
    return Figure(value=value, low=low, high=high, n=n, unit="s", how=how)


def _rate(
    clients: int, processes: Processes, worth: Callable[[Exchange], float], unit: str, what: str
) -> Measured:
    if not processes:
        return NO_PROCESS
    if missing := metrics.too_many_failures(list(processes.values())):
        return missing
    rates = [worked(clients, exchanges, worth) for exchanges in processes.values()]
    rates = [rate for rate in rates if rate > 0]
    if not rates:
        return Missing(missing="not reported by the engine")
    n = sum(map(len, processes.values()))
    how = (
        f"{metrics.TYPICAL} of {len(rates)} {metrics.PROCESSES}: clients x {what} / the seconds that they "
        f"waited, every client busy all the time; {n} requests"
    )
    return metrics.typical(rates, n, unit, how)


def _rates(clients: int, processes: Processes) -> dict[int, float]:
    rates = {part: answer_rate(clients, exchanges) for part, exchanges in processes.items()}
    return {part: rate for part, rate in rates.items() if rate > 0}


def _at(figure: Figure, clients: int) -> Figure:
    who = "one client" if clients == 1 else f"{clients} clients"
    return figure.model_copy(update={"how": f"with {who}, the best of the numbers tried: {figure.how}"})


def _code(exchange: Exchange) -> str:
    return exchange.error.partition(":")[0] or "empty"


def _tokens(exchange: Exchange) -> float:
    return float(exchange.completion_tokens or 0)


def _closed(logs: Sequence[ProcessLog], level: str) -> Processes:
    found = {log.nth: log.exchanges(level) for log in logs}
    return {nth: exchanges for nth, exchanges in found.items() if exchanges}


def _opened(logs: Sequence[ProcessLog], level: str) -> Processes:
    """The exchanges of an open loop, each begun at its scheduled time; one that broke off has no such
    times."""
    found: dict[int, list[Exchange]] = {}
    for log in logs:
        if due := log.series.get(f"{level} due"):
            samples = sorted(log.of(level), key=lambda sample: sample.place or 0)
            found[log.nth] = [
                replace(sample.exchange, started_s=due_s) for sample, due_s in zip(samples, due, strict=True)
            ]
    return found


def _rates_offered(logs: Sequence[ProcessLog], level: str) -> list[float]:
    return [rate for log in logs for rate in log.series.get(f"{level} rate", ())]
