"""From exchanges to figures; pure, called by the measures.

A figure that cannot be given is a `Missing` that says why: too few processes, failed requests, an engine that
reports no tokens. A failed or empty answer is never timed as if it were one: an empty answer is the fastest
of all.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from operator import attrgetter

from scipy import stats as scipy_stats

from viewfinder.client.exchange import Exchange
from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.statistics import intervals, over_processes
from viewfinder.measure.statistics.pairs import Answers
from viewfinder.measure.statistics.percentiles import percentile

E2E_S, TTFT_S, TPOT_S = map(attrgetter, ("e2e_s", "ttft_s", "tpot_s"))
TOKENS = attrgetter("completion_tokens")
"""What figures are read from: of an exchange, in seconds; None where it has none."""
MOST_FAILURES = 0.1
"""Share of failed or empty answers above which the others no longer stand for the model."""
NOTHING_ASKED = Missing(missing="nothing was asked")
TOO_FEW_PIECES = Missing(missing="the engine sends its answers in too few pieces, or they are one token long")
PROCESSES = "fresh server processes"
"""What intervals are over; `SESSIONS` where the server was not ours to start."""
SESSIONS = "sessions with a server that was running already"
TYPICAL = "geometric mean"
DRIFT = 1.1
"""A steady slowdown is worth telling from 10 % on (a laptop without a fan loses 30 % when warm)."""
SURE = 0.01
"""Every model of every run is looked at for a drift: at 5 %, one in twenty would show it by chance."""
LEAST_PROCESSES = 4
LEAST_THIRD = 4
"""Fewer requests in the first and last third of a process's own tell nothing about their trend."""


def answered(exchange: Exchange) -> bool:
    """Whether the exchange is an answer: no error, and some text."""
    return not exchange.error and bool(exchange.text.strip())


def mean(
    processes: Sequence[Sequence[Exchange]],
    read: Callable[[Exchange], float | None],
    unit: str,
    what: str,
    over: str = PROCESSES,
) -> Measured:
    """The mean of what `read` gives over all answers, with the interval over processes."""
    values = readings(processes, read)
    if isinstance(values, Missing):
        return values
    n = sum(map(len, values))
    how = f"mean {what}; {n} requests, {len(values)} {over}"
    sums, counts = [sum(process) for process in values], [float(len(process)) for process in values]
    return ratio(sums, counts, n, unit, how)


def median(
    processes: Sequence[Sequence[Exchange]],
    read: Callable[[Exchange], float | None],
    unit: str,
    what: str,
    over: str = PROCESSES,
) -> Measured:
    """What the processes' medians are typically, with the interval over processes."""
    values = readings(processes, read)
    if isinstance(values, Missing):
        return values
    whose = "sessions'" if over == SESSIONS else "processes'"
    n = sum(map(len, values))
    how = f"{TYPICAL} of the {whose} median {what}; {n} requests, {len(values)} {over}"
    return typical([statistics.median(process) for process in values], n, unit, how)


def decode_rate(processes: Sequence[Sequence[Exchange]], over: str = PROCESSES) -> Measured:
    """Tokens per second after each answer's first token, all answers together."""
    if problem := too_many_failures(processes):
        return problem
    answers = [[exchange for exchange in process if answered(exchange)] for process in processes]
    if not any(exchange.completion_tokens for process in answers for exchange in process):
        return Missing(missing="the engine does not report how many tokens it generated")
    streamed = [kept for process in answers if (kept := [x for x in process if is_streamed(x)])]
    if not streamed:
        return TOO_FEW_PIECES
    tokens = [float(sum(x.later_tokens for x in process)) for process in streamed]
    seconds = [
        sum((x.last_token_s or 0.0) - (x.first_token_s or 0.0) for x in process) for process in streamed
    ]
    n = sum(map(len, streamed))
    how = f"tokens after the first / time after the first, of {n} answers from {len(streamed)} {over}"
    return ratio(tokens, seconds, n, "tokens/s", how)


def drift(processes: Sequence[Sequence[Exchange]]) -> str:
    """A sentence when requests became steadily slower or quicker from process to process, else "".

    By the line through the processes' logarithms, in the order in which they were measured. That the last
    takes 10 % longer than the first is nothing unusual where processes differ by 5 % by themselves: one of
    six quiet runs shows that, one of a hundred a line that is so steep and sure.
    """
    medians = [
        statistics.median(times)
        for process in processes
        if (times := [exchange.e2e_s for exchange in process if answered(exchange)])
    ]
    if len(medians) < LEAST_PROCESSES or len(set(medians)) < 2:
        return ""
    line = scipy_stats.linregress(range(len(medians)), [math.log(median) for median in medians])
    change = math.exp(line.slope * (len(medians) - 1))
    if line.pvalue >= SURE or 1 / DRIFT <= change <= DRIFT:
        return ""
    name, how = ("thermal drift", "warmer or busier") if change > 1 else ("drift", "cooler or less busy")
    return (
        f"{name}: from the first process to the last, requests came to take {change:.2f} times as long; "
        f"the computer may have become {how}"
    )


def right_answers(scenario: str, logs: Sequence[ProcessLog], *, last_only: bool = False) -> Answers:
    """Which questions were answered right; of conversations the `last_only`, as in their gate.

    A question without an image stands for itself, as one about a scene of its own does.
    """
    return {
        (one.scene or one.question, "" if last_only else f"{one.question} {one.expected}"): (
            bool(one.right) and answered(one.exchange)
        )
        for log in logs
        for one in log.of(scenario)
    }


def slowdown(exchanges: Sequence[Exchange]) -> str:
    """A sentence when the requests to one process became steadily slower while they were timed, else "".

    A processor that gets hot does that; one slow request, or a process that is slow throughout, does not.
    """
    times = [exchange.e2e_s for exchange in exchanges if answered(exchange)]
    third = len(times) // 3
    if third < LEAST_THIRD:
        return ""
    change = statistics.median(times[-third:]) / statistics.median(times[:third])
    if change <= DRIFT:
        return ""
    steady = scipy_stats.spearmanr(range(len(times)), times, alternative="greater").pvalue < SURE
    return f"its requests became {change:.2f} times as slow as at first (thermal drift)" if steady else ""


def failures(what: str, exchanges: Sequence[Exchange]) -> str:
    """A sentence about requests that failed or stayed empty, with the first one's words, else ""."""
    failed = [exchange for exchange in exchanges if not answered(exchange)]
    if not failed:
        return ""
    reason = failed[0].error or "the answer was empty"
    return f"{len(failed)} of {len(exchanges)} {what} requests failed; the first: {reason}"


def readings(
    processes: Sequence[Sequence[Exchange]], read: Callable[[Exchange], float | None]
) -> list[list[float]] | Missing:
    """What `read` gives over all answers of each process that has some."""
    if problem := too_many_failures(processes):
        return problem
    values = [
        [value for exchange in process if answered(exchange) and (value := read(exchange)) is not None]
        for process in processes
    ]
    return [process for process in values if process] or Missing(missing="not reported by the engine")


def too_many_failures(processes: Sequence[Sequence[Exchange]]) -> Missing | None:
    exchanges = [exchange for process in processes for exchange in process]
    if not exchanges:
        return NOTHING_ASKED
    share = sum(not answered(exchange) for exchange in exchanges) / len(exchanges)
    return Missing(missing=failures("timed", exchanges)) if share > MOST_FAILURES else None


def is_streamed(exchange: Exchange) -> bool:
    """Whether the pieces of the answer show its pace: at least one for every two tokens."""
    tokens = exchange.completion_tokens or 0
    return exchange.tpot_s is not None and exchange.tpot_s > 0 and 2 * len(exchange.token_times_s) >= tokens


def typical(values: Sequence[float], n: int, unit: str, how: str) -> Measured:
    """One time a process, as `over_processes.typical` has it."""
    found = over_processes.typical(values)
    return figure((found.value, found.low, found.high), n, unit, how, found.is_range)


def ratio(tops: Sequence[float], bottoms: Sequence[float], n: int, unit: str, how: str) -> Measured:
    """All tops over all bottoms, one pair a process; the range of the processes' own where they are few."""
    if len(tops) >= over_processes.MIN_PROCESSES:
        return figure(intervals.ratio(tops, bottoms), n, unit, how)
    each = [top / bottom for top, bottom in zip(tops, bottoms, strict=True)]
    return figure((sum(tops) / sum(bottoms), min(each), max(each)), n, unit, how, is_range=True)


def tail(values: list[list[float]] | Missing, q: float, what: str, over: str = PROCESSES) -> Measured:
    """The quantile `q`, in seconds, of the values of all processes together."""
    if isinstance(values, Missing):
        return values
    try:
        interval = percentile(values, q)
    except intervals.TooFew as error:
        return Missing(missing=str(error))
    return figure(interval, sum(map(len, values)), "s", f"p{100 * q:g} over {len(values)} {over}: {what}")


def percent(interval: intervals.Interval, n: int, how: str, unit: str = "%") -> Figure:
    """The figure of a share, or of a difference of shares in points."""
    value, low, high = (100 * number for number in interval)
    return figure((value, low, high), n, unit, how)


def middle(values: Sequence[float], unit: str, how: str) -> Measured:
    """One value a process, which may be negative."""
    if len(values) >= over_processes.MIN_PROCESSES:
        return figure(intervals.median(values), len(values), unit, how)
    value = statistics.median(values)
    return figure((value, min(values), max(values)), len(values), unit, how, is_range=True)


def figure(interval: intervals.Interval, n: int, unit: str, how: str, is_range: bool = False) -> Figure:
    """The figure of a value with its 95 % interval, or with the range of too few processes for one."""
    value, low, high = interval
    if is_range:
        how += f"; the range, for an interval needs {over_processes.MIN_PROCESSES} of them"
    return Figure(value=value, low=low, high=high, n=n, unit=unit, how=how, is_range=is_range)
