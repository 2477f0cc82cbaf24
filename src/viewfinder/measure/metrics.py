"""From exchanges to figures; pure, called by the measures.

A figure that cannot be given is a `Missing` that says why: too few processes, failed requests, an engine that
reports no tokens. A failed or empty answer is never timed as if it were one: an empty answer is the fastest
of all.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from operator import attrgetter

import scipy

from viewfinder.client.exchange import Exchange
from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.statistics import intervals, over_processes
from viewfinder.measure.statistics.pairs import GradedAnswers
from viewfinder.measure.statistics.percentiles import percentile

ExchangesByProcess = Sequence[Sequence[Exchange]]
"""The exchanges of each process."""
Reading = Callable[[Exchange], float | None]
"""Reads a number from an exchange; None where there is none."""
E2E_S, TTFT_S, TPOT_S = map(attrgetter, ("e2e_s", "ttft_s", "tpot_s"))
TOKENS = attrgetter("completion_tokens")
MOST_FAILURES = 0.1
"""Share of failed or empty answers above which the others do not represent the model."""
NOTHING_ASKED = Missing(missing="nothing was asked")
TOO_FEW_PIECES = Missing(missing="the engine sends its answers in too few pieces, or they are one token long")
PROCESSES = "fresh server processes"
"""What was repeated for an interval; `SESSIONS` where the server was not started by Viewfinder."""
SESSIONS = "sessions with a server that was running already"
TYPICAL = "geometric mean"
DRIFT = 1.1
"""A steady slowdown is reported from 10 % on (a laptop without a fan loses 30 % when warm)."""
SURE = 0.01
"""Every model of every run is tested for a drift: at 5 %, one in twenty would show one by chance."""
_LEAST_PROCESSES = 4
_LEAST_THIRD = 4
"""With fewer requests in the first and the last third of a process, they show no trend."""


def answered(exchange: Exchange) -> bool:
    """Whether the exchange is an answer: no error, and some text."""
    return not exchange.error and bool(exchange.text.strip())


def mean(
    processes: ExchangesByProcess, read: Reading, unit: str, what: str, over: str = PROCESSES
) -> Measured:
    """The mean of the readings of all answers, with the interval over processes."""
    values = readings(processes, read)
    if isinstance(values, Missing):
        return values
    n, sums = sum(map(len, values)), list(map(sum, values))
    how = f"mean {what}; {n} requests, {len(values)} {over}"
    return ratio(sums, [float(len(process)) for process in values], n, unit, how)


def median(
    processes: ExchangesByProcess, read: Reading, unit: str, what: str, over: str = PROCESSES
) -> Measured:
    """What the processes' medians typically are, with the interval over processes."""
    values = readings(processes, read)
    if isinstance(values, Missing):
        return values
    n, whose = sum(map(len, values)), "sessions'" if over == SESSIONS else "processes'"
    how = f"{TYPICAL} of the {whose} median {what}; {n} requests, {len(values)} {over}"
    return typical(list(map(statistics.median, values)), n, unit, how)


def decode_rate(processes: ExchangesByProcess, over: str = PROCESSES) -> Measured:
    """Tokens per second after each answer's first token, all answers together."""
    if problem := too_many_failures(processes):
        return problem
    answers = [[exchange for exchange in process if answered(exchange)] for process in processes]
    if not any(exchange.completion_tokens for process in answers for exchange in process):
        return Missing(missing="the engine does not report how many tokens it generated")
    streamed = [kept for process in answers if (kept := [x for x in process if is_streamed(x)])]
    if not streamed:
        return TOO_FEW_PIECES
    tokens, seconds = zip(*map(decoded, streamed), strict=True)
    n = sum(map(len, streamed))
    how = f"tokens after the first / time after the first, of {n} answers from {len(streamed)} {over}"
    return ratio(tokens, seconds, n, "tokens/s", how)


def decoded(streamed: Sequence[Exchange]) -> tuple[float, float]:
    """The tokens after the first of these answers, and the seconds that they took."""
    seconds = sum((x.last_token_s or 0.0) - (x.first_token_s or 0.0) for x in streamed)
    return float(sum(x.later_tokens for x in streamed)), seconds


def drift(processes: ExchangesByProcess) -> str:
    """A sentence when requests became steadily slower or faster from process to process, else "".

    Judged by the line through the logarithms of the processes' medians, in the order in which they were
    measured. That the last takes 10 % longer than the first is not unusual where processes differ by 5 %
    anyway: one of six quiet runs shows that, but only one of a hundred a line as steep and as sure.
    """
    medians = [
        statistics.median(times)
        for process in processes
        if (times := [exchange.e2e_s for exchange in process if answered(exchange)])
    ]
    if len(medians) < _LEAST_PROCESSES or len(set(medians)) < 2:
        return ""
    line = scipy.stats.linregress(range(len(medians)), [math.log(median) for median in medians])
    change = math.exp(line.slope * (len(medians) - 1))
    if line.pvalue >= SURE or 1 / DRIFT <= change <= DRIFT:
        return ""
    name, how = ("thermal drift", "warmer or busier") if change > 1 else ("drift", "cooler or less busy")
    return (
        f"{name}: from the first process to the last, requests became {change:.2f} times as long; "
        f"the computer may have become {how}"
    )


def right_answers(scenario: str, logs: Sequence[ProcessLog], *, last_only: bool = False) -> GradedAnswers:
    """Which questions were answered right; `last_only`: of each conversation, its last question.

    A question without an image counts as a scene of its own.
    """
    return {
        (one.scene or one.question, "" if last_only else f"{one.question} {one.expected}"): (
            bool(one.right) and answered(one.exchange)
        )
        for log in logs
        for one in log.of(scenario)
    }


def slowdown(exchanges: Sequence[Exchange]) -> str:
    """A clause when the requests to one process became steadily slower while they were timed, else "".

    A processor that gets hot shows that; one slow request, or a process that is slow throughout, does not.
    """
    times = [exchange.e2e_s for exchange in exchanges if answered(exchange)]
    third = len(times) // 3
    if third < _LEAST_THIRD:
        return ""
    change = statistics.median(times[-third:]) / statistics.median(times[:third])
    if change <= DRIFT:
        return ""
    steady = scipy.stats.spearmanr(range(len(times)), times, alternative="greater").pvalue < SURE
    return f"its requests became {change:.2f} times as slow as at first (thermal drift)" if steady else ""


def failures(what: str, exchanges: Sequence[Exchange]) -> str:
    """A sentence about requests that failed or had an empty answer, with the first one's error, else ""."""
    failed = [exchange for exchange in exchanges if not answered(exchange)]
    if not failed:
        return ""
    reason = failed[0].error or "the answer was empty"
    return f"{len(failed)} of {len(exchanges)} {what} requests failed; the first: {reason}"


def readings(processes: ExchangesByProcess, read: Reading) -> list[list[float]] | Missing:
    """The readings of all answers of each process that has some."""
    if problem := too_many_failures(processes):
        return problem
    values = [
        [value for exchange in process if answered(exchange) and (value := read(exchange)) is not None]
        for process in processes
    ]
    return [process for process in values if process] or Missing(missing="not reported by the engine")


def too_many_failures(processes: ExchangesByProcess) -> Missing | None:
    """Why nothing can be read from these requests: none was sent, or too many failed."""
    exchanges = [exchange for process in processes for exchange in process]
    if not exchanges:
        return NOTHING_ASKED
    share = sum(not answered(exchange) for exchange in exchanges) / len(exchanges)
    return Missing(missing=failures("timed", exchanges)) if share > MOST_FAILURES else None


def is_streamed(exchange: Exchange) -> bool:
    """Whether the answer came in enough pieces to show its speed: at least one for every two tokens."""
    tokens = exchange.completion_tokens or 0
    return exchange.tpot_s is not None and exchange.tpot_s > 0 and 2 * len(exchange.token_times_s) >= tokens


def typical(values: Sequence[float], n: int, unit: str, how: str) -> Measured:
    """The geometric mean of one time for each process, see `over_processes.typical`."""
    return figure(over_processes.typical(values), n, unit, how, _are_few(values))


def ratio(tops: Sequence[float], bottoms: Sequence[float], n: int, unit: str, how: str) -> Measured:
    """All tops over all bottoms, one pair for each process; the range of the single ratios if there are
    few."""
    if not _are_few(tops):
        return figure(intervals.ratio(tops, bottoms), n, unit, how)
    each = [top / bottom for top, bottom in zip(tops, bottoms, strict=True)]
    return figure((sum(tops) / sum(bottoms), min(each), max(each)), n, unit, how, is_range=True)


def middle(values: Sequence[float], unit: str, how: str) -> Measured:
    """The median of one value for each process, which may be negative; with the range if there are few."""
    if not _are_few(values):
        return figure(intervals.median(values), len(values), unit, how)
    ends = (statistics.median(values), min(values), max(values))
    return figure(ends, len(values), unit, how, is_range=True)


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


def figure(interval: intervals.Interval, n: int, unit: str, how: str, is_range: bool = False) -> Figure:
    """The figure of a value with its 95 % interval, or with the range of too few processes for one."""
    value, low, high = interval
    if is_range:
        how += f"; the range, for an interval needs {over_processes.MIN_PROCESSES} of them"
    return Figure(value=value, low=low, high=high, n=n, unit=unit, how=how, is_range=is_range)


def _are_few(processes: Sequence[float]) -> bool:
    return len(processes) < over_processes.MIN_PROCESSES
