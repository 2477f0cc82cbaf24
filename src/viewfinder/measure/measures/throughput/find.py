"""From the requests of each level of demand to its figures, and to the number of clients beyond which the
rate grows no more; pure."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from viewfinder.catalog.card import Variant
from viewfinder.client.exchange import Exchange
from viewfinder.measure import metrics
from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.throughput.ask import CLIENTS, SHARES, answer_rate, closed_level, open_level
from viewfinder.measure.measures.throughput.counts import ThroughputCounts
from viewfinder.measure.measures.throughput.result import Closed, Open, Throughput
from viewfinder.measure.metrics import E2E_S, TTFT_S, answered
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.statistics import over_processes
from viewfinder.measure.statistics.intervals import TooFew
from viewfinder.measure.statistics.ranking import MARGIN_RATIO

ByProcess = Mapping[int, Sequence[Exchange]]
"""The requests to each server process at one level; intervals are over processes."""

NO_PROCESS = Missing(
    missing="no server process reached this level: requests take too long for it, or the engine ended before"
)


def throughput(logs: Sequence[ProcessLog], counts: ThroughputCounts, variant: Variant) -> Throughput:
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


def closed_figures(clients: int, processes: ByProcess) -> Closed:
    return Closed(
        clients=clients,
        requests=_rate(_rates(clients, processes), processes, "requests/s", "answers"),
        tokens=_rate(_rates(clients, processes, _tokens), processes, "tokens/s", "tokens of answers"),
        **_times(processes, "each client sends its next request as soon as it has an answer"),
    )


def open_figures(share: float, processes: ByProcess, offered: Sequence[float]) -> Open:
    n = sum(map(len, processes.values()))
    how = (
        f"this share of the best rate of each of {len(offered)} {metrics.PROCESSES}; {n} requests at times "
        "of a Poisson process, drawn from a seed"
    )
    return Open(
        share=share,
        arrivals=metrics.typical(offered, n, "requests/s", how) if offered else NO_PROCESS,
        **_times(processes, "from the scheduled time of the request (Poisson arrivals)"),
    )


def saturation(closed: Mapping[int, ByProcess], best: int) -> int | Missing:
    """The smallest number of clients whose rate is surely less than 5 % below that of the `best` number.

    Levels are compared inside each process. The best is picked by the same figures, which flatters it a
    little: a smaller number of clients is found sufficient too seldom rather than too often.
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
            found = over_processes.compare(
                [rates[nth] for nth in shared], [top[nth] for nth in shared], side_by_side=True
            )
        except TooFew as why:
            return Missing(missing=str(why))
        if found.is_not_inferior(MARGIN_RATIO):
            return clients
        if found.ceiling >= -MARGIN_RATIO:
            more = found.more_to_judge(MARGIN_RATIO)
            needed = f": needs about {more:.0f} more server processes" if 0 < more < math.inf else ""
            get = "one client gets" if clients == 1 else f"{clients} clients get"
            return Missing(missing=f"whether {get} at least 95 % of the rate of {best} is not shown{needed}")
    return best


def _times(processes: ByProcess, how: str) -> dict[str, Any]:
    """Times and failures of the requests, by the field of a Level."""
    by_process = list(processes.values())
    every = [exchange for exchanges in by_process for exchange in exchanges]
    failures = Counter(one.error.partition(":")[0] or "empty" for one in every if not answered(one))
    fields: dict[str, Any] = {"asked": len(every), "failures": dict(sorted(failures.items()))}
    for name, read, what in (
        ("ttft", TTFT_S, f"time to the first token; {how}"),
        ("e2e", E2E_S, f"time of a whole request; {how}"),
    ):
        p95 = metrics.tail(metrics.readings(by_process, read), 0.95, what)
        fields[name] = metrics.median(by_process, read, "s", what) if processes else NO_PROCESS
        fields[f"{name}_p95"] = p95 if processes else NO_PROCESS
    return fields


def _rate(rates: Mapping[int, float], processes: ByProcess, unit: str, what: str) -> Measured:
    if not processes:
        return NO_PROCESS
    if missing := metrics.too_many_failures(list(processes.values())):
        return missing
    if not rates:
        return Missing(missing="not reported by the engine")
    n = sum(map(len, processes.values()))
    how = (
        f"{metrics.TYPICAL} of {len(rates)} {metrics.PROCESSES}: clients x {what} / the seconds that they "
        f"waited, every client busy all the time; {n} requests"
    )
    return metrics.typical(list(rates.values()), n, unit, how)


def _rates(
    clients: int, processes: ByProcess, worth: Callable[[Exchange], float] = lambda exchange: 1.0
) -> dict[int, float]:
    rates = {nth: answer_rate(clients, exchanges, worth) for nth, exchanges in processes.items()}
    return {nth: rate for nth, rate in rates.items() if rate > 0}


def _at(figure: Figure, clients: int) -> Figure:
    tried = "one client" if clients == 1 else f"{clients} clients"
    return figure.model_copy(update={"how": f"with {tried}, the best of the numbers tried: {figure.how}"})


def _tokens(exchange: Exchange) -> float:
    return float(exchange.completion_tokens or 0)


def _closed(logs: Sequence[ProcessLog], level: str) -> ByProcess:
    found = {log.nth: log.exchanges(level) for log in logs}
    return {nth: exchanges for nth, exchanges in found.items() if exchanges}


def _opened(logs: Sequence[ProcessLog], level: str) -> ByProcess:
    """The requests of an open loop, each begun at its scheduled time; a loop that broke off has no such
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
