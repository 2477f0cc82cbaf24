"""From exchanges and stamps to figures; pure, called by `findings` and `latency`.

A figure that cannot be given is a `Missing` that says why: too few processes, failed requests, an
engine that counts no tokens. A failed or empty answer is never timed as if it were one: an empty
answer is the quickest of all.
"""

import math
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from scipy import stats as scipy_stats

from viewfinder.client.exchange import Exchange
from viewfinder.measure.figures import Figure, LoadTimes, Measured, Memory, Missing, Phase
from viewfinder.measure.statistics import intervals, restarts
from viewfinder.measure.store.outcome import Load

MOST_FAILURES = 0.1
"""Share of failed or empty answers above which the others no longer stand for the model."""
NOT_OURS = Missing(missing="the server was running already and is not ours to look into")
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
LEAST_BLOCKS = 4
LEAST_THIRD = 4
"""Fewer requests in the first and last third of a process's own tell nothing about their trend."""

_FOOTPRINT = (
    "physical footprint; mapped weights are not in it"
    if sys.platform == "darwin"
    else "anonymous + swap + mapped model bytes"
)


@dataclass(frozen=True, slots=True)
class Block:
    """What one fresh server process gave: its load, the requests of its timed cells, its memory.

    `first_image` is the first request about an image that it ever had. A session with a server that ran
    already has none such, and neither load nor memory.
    """

    load: Load | None
    images: Sequence[Exchange]
    texts: Sequence[Exchange]
    memory: Mapping[Phase, Memory]
    short: Sequence[Exchange] = ()
    repeats: Sequence[Exchange] = ()
    first_image: Exchange | None = None


def answered(exchange: Exchange) -> bool:
    """Whether the exchange is an answer: no error, and some text."""
    return not exchange.error and bool(exchange.text.strip())


def load_times(loads: Sequence[Load], files: str = "in the page cache") -> LoadTimes:
    """The stamps over fresh starts; `files` says where the model's files were."""

    def stamp(read: Callable[[Load], float | None], until: str) -> Measured:
        times = [read(load) for load in loads]
        if not times:
            return NOT_OURS
        known = [time for time in times if time is not None]
        if len(known) < len(times):
            return Missing(missing=f"{len(times) - len(known)} of {len(times)} starts never came to {until}")
        how = f"{TYPICAL} of {len(known)} fresh starts, files {files}; process start to {until}"
        return typical(known, len(known), "s", how)

    return LoadTimes(
        spawned=stamp(lambda load: load.spawned_s, "the engine's program running"),
        listening=stamp(lambda load: load.listening_s, "the first HTTP answer"),
        ready=stamp(lambda load: load.ready_s, "the engine's report that it is ready"),
        first_token=stamp(lambda load: load.first_token_s, "the first token of an answer"),
        first_correct=stamp(lambda load: load.first_correct_s, "the first correct answer about an image"),
    )


def mean(
    blocks: Sequence[Sequence[Exchange]],
    read: Callable[[Exchange], float | None],
    unit: str,
    what: str,
    over: str = PROCESSES,
) -> Measured:
    """The mean of what `read` gives over all answers, with the interval over processes."""
    values = readings(blocks, read)
    if isinstance(values, Missing):
        return values
    n = sum(map(len, values))
    how = f"mean {what}; {n} requests, {len(values)} {over}"
    sums, counts = [sum(block) for block in values], [float(len(block)) for block in values]
    return ratio(sums, counts, n, unit, how)


def median(
    blocks: Sequence[Sequence[Exchange]],
    read: Callable[[Exchange], float | None],
    unit: str,
    what: str,
    over: str = PROCESSES,
) -> Measured:
    """What the processes' medians are typically, with the interval over processes."""
    values = readings(blocks, read)
    if isinstance(values, Missing):
        return values
    whose = "sessions'" if over == SESSIONS else "processes'"
    n = sum(map(len, values))
    how = f"{TYPICAL} of the {whose} median {what}; {n} requests, {len(values)} {over}"
    return typical([statistics.median(block) for block in values], n, unit, how)


def decode_rate(blocks: Sequence[Sequence[Exchange]], over: str = PROCESSES) -> Measured:
    """Tokens per second after each answer's first token, all answers together."""
    if problem := too_many_failures(blocks):
        return problem
    answers = [[exchange for exchange in block if answered(exchange)] for block in blocks]
    if not any(exchange.completion_tokens for block in answers for exchange in block):
        return Missing(missing="the engine does not say how many tokens it made")
    streamed = [kept for block in answers if (kept := [x for x in block if is_streamed(x)])]
    if not streamed:
        return TOO_FEW_PIECES
    tokens = [float(sum(x.later_tokens for x in block)) for block in streamed]
    seconds = [sum((x.last_token_s or 0.0) - (x.first_token_s or 0.0) for x in block) for block in streamed]
    n = sum(map(len, streamed))
    how = f"tokens after the first / time after the first, of {n} answers from {len(streamed)} {over}"
    return ratio(tokens, seconds, n, "tokens/s", how)


def memory_difference(blocks: Sequence[Block]) -> tuple[Measured, dict[Phase, Memory]]:
    """Steady minus spawned of the same process tree, and the phases of the process it is the median of.

    Never clamped: a negative one says that the method failed, and is no figure.
    """
    known = [block.memory for block in blocks if {"spawned", "steady"} <= block.memory.keys()]
    if all(block.load is None for block in blocks):
        return NOT_OURS, {}
    if not known:
        return Missing(missing="no process got as far as its steady state"), {}
    known.sort(key=_difference_bytes)
    shown = known[(len(known) - 1) // 2]
    how = (
        f"median of {len(known)} fresh server processes: steady minus spawned footprint of the same tree "
        f"({_FOOTPRINT})"
    )
    differences = [float(_difference_bytes(memory)) for memory in known]
    negative = sum(difference < 0 for difference in differences)
    if statistics.median(differences) < 0:
        return Missing(missing=_negative(shown, negative, len(known))), dict(shown)
    if negative:
        how += f"; in {negative} of them it was negative"
    if any(memory["steady"].shared for memory in known):
        how += "; another process mapped the model's files too"
    return middle(differences, "bytes", how), dict(shown)


def drift(blocks: Sequence[Sequence[Exchange]]) -> str:
    """A sentence when requests became steadily slower or quicker from process to process, else "".

    By the line through the processes' logarithms, in the order in which they were measured. That the last
    takes 10 % longer than the first is nothing unusual where processes differ by 5 % by themselves: one of
    six quiet runs shows that, one of a hundred a line that is so steep and sure.
    """
    medians = [
        statistics.median(times)
        for block in blocks
        if (times := [exchange.e2e_s for exchange in block if answered(exchange)])
    ]
    if len(medians) < LEAST_BLOCKS or len(set(medians)) < 2:
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
    blocks: Sequence[Sequence[Exchange]], read: Callable[[Exchange], float | None]
) -> list[list[float]] | Missing:
    """What `read` gives over all answers of each process that has some."""
    if problem := too_many_failures(blocks):
        return problem
    values = [
        [value for exchange in block if answered(exchange) and (value := read(exchange)) is not None]
        for block in blocks
    ]
    return [block for block in values if block] or Missing(missing="the engine does not tell it")


def too_many_failures(blocks: Sequence[Sequence[Exchange]]) -> Missing | None:
    exchanges = [exchange for block in blocks for exchange in block]
    if not exchanges:
        return NOTHING_ASKED
    share = sum(not answered(exchange) for exchange in exchanges) / len(exchanges)
    return Missing(missing=failures("timed", exchanges)) if share > MOST_FAILURES else None


def is_streamed(exchange: Exchange) -> bool:
    """Whether the pieces of the answer show its pace: at least one for every two tokens."""
    tokens = exchange.completion_tokens or 0
    return exchange.tpot_s is not None and exchange.tpot_s > 0 and 2 * len(exchange.token_times_s) >= tokens


def _difference_bytes(memory: Mapping[Phase, Memory]) -> int:
    return memory["steady"].footprint_bytes - memory["spawned"].footprint_bytes


def _negative(memory: Mapping[Phase, Memory], negative: int, processes: int) -> str:
    """Why a difference is invalid: which part of the tree's memory had shrunk."""
    spawned, steady = memory["spawned"], memory["steady"]
    parts = {
        "anonymous": steady.anonymous_bytes - spawned.anonymous_bytes,
        "swapped": steady.swap_bytes - spawned.swap_bytes,
        "mapped": steady.mapped_bytes - spawned.mapped_bytes,
    }
    least = min(parts, key=parts.__getitem__)
    return (
        f"invalid: in {negative} of {processes} processes the tree held less when steady than when it had "
        f"just been spawned ({least} memory shrank by {-parts[least] / 1e6:.1f} MB), so what it took while "
        "loading was hidden by what it gave back"
    )


def typical(values: Sequence[float], n: int, unit: str, how: str) -> Measured:
    """One time a process, as `restarts.typical` has it."""
    found = restarts.typical(values)
    return _figure((found.value, found.low, found.high), n, unit, how, found.is_range)


def ratio(tops: Sequence[float], bottoms: Sequence[float], n: int, unit: str, how: str) -> Measured:
    """All tops over all bottoms, one pair a process; the range of the processes' own where they are few."""
    if len(tops) >= restarts.MIN_RESTARTS:
        return _figure(intervals.ratio(tops, bottoms), n, unit, how)
    each = [top / bottom for top, bottom in zip(tops, bottoms, strict=True)]
    return _figure((sum(tops) / sum(bottoms), min(each), max(each)), n, unit, how, is_range=True)


def middle(values: Sequence[float], unit: str, how: str) -> Measured:
    """One value a process, which may be negative."""
    if len(values) >= restarts.MIN_RESTARTS:
        return _figure(intervals.median(values), len(values), unit, how)
    value = statistics.median(values)
    return _figure((value, min(values), max(values)), len(values), unit, how, is_range=True)


def _figure(interval: intervals.Interval, n: int, unit: str, how: str, is_range: bool = False) -> Figure:
    value, low, high = interval
    if is_range:
        how += f"; the range, for an interval needs {restarts.MIN_RESTARTS} of them"
    return Figure(value=value, low=low, high=high, n=n, unit=unit, how=how, is_range=is_range)
