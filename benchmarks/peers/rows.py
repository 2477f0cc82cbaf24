"""Every row of the comparison: what is measured, and its target; called by `__main__`."""

import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.progress import track

from benchmarks.peers import asking
from benchmarks.peers.asking import Waits, Way, ask
from benchmarks.peers.systems import OTHER, Gateway, Pair, bare_engine
from viewfinder.api.control import Control
from viewfinder.measure.statistics.intervals import Interval, median
from viewfinder.scenes.messages import Message

WARM_UP = 5
BLOCKS = 8
"""Of requests at once: the fewest of which a median has a 95 % interval, and some more."""
COLD_STARTS = 8
REST_S = 1.0
"""Before each start that counts: nobody asks for one model right after another was started."""
PHOTOGRAPHS = 8
FOLLOW_UP = "follow-up about a 1600 px JPEG"
Messages = Callable[[int], list[Message]]


@dataclass(frozen=True, slots=True)
class Found:
    """One row: `target` is the most (or with `at_least` the least) that it may be; None: only shown."""

    what: str
    system: str
    value: Interval
    unit: str
    target: float | None = None
    at_least: bool = False
    bare: float | None = None

    @property
    def good(self) -> bool:
        if self.target is None:
            return True
        return self.value[0] >= self.target if self.at_least else self.value[0] <= self.target


@dataclass(frozen=True, slots=True)
class Question:
    """A kind of question, and the milliseconds that may be added to its first word and its end."""

    what: str
    messages: Messages
    target: float
    repeats: bool = False
    """Whether each system is asked about its picture once before."""


QUESTIONS = (
    Question("text", asking.text, 1.0),
    Question("new PNG of 512 px", asking.picture(512, "png"), 3.0),
    Question("new JPEG of 1600 px", asking.picture(1600, "jpeg"), 12.0),
    Question("the same PNG of 512 px again", asking.picture(512, "png"), 1.5, repeats=True),
)


def added(pairs: Sequence[Pair], question: Question, rounds: int) -> Iterator[Found]:
    """The wait that each system adds: every round asks through it and past it, in an order by chance."""
    ways = [(pair, way) for pair in pairs for way in (pair.through, pair.direct)]
    differences: dict[str, list[tuple[float, float]]] = {pair.name: [] for pair in pairs}
    bare: dict[str, list[Waits]] = {pair.name: [] for pair in pairs}
    for number in track(range(rounds + WARM_UP), question.what, transient=True):
        waits: dict[tuple[str, bool], Waits] = {}
        for index, (pair, way) in random.sample(list(enumerate(ways)), k=len(ways)):
            messages = question.messages(number * len(ways) + index)
            if question.repeats:
                ask(way, messages)
            waits[pair.name, way is pair.through] = ask(way, messages)
        for pair in pairs if number >= WARM_UP else ():
            through, direct = waits[pair.name, True], waits[pair.name, False]
            differences[pair.name].append((through.first - direct.first, through.whole - direct.whole))
            bare[pair.name].append(direct)
    for pair in pairs:
        target = question.target if pair is pairs[0] else None
        for index, part in enumerate(("first word", "whole")):
            times = [(one.first, one.whole)[index] for one in bare[pair.name]]
            value = median([difference[index] for difference in differences[pair.name]])
            yield Found(f"{question.what}: {part}", pair.name, value, "ms", target, bare=median(times)[0])


def throughput(pairs: Sequence[Pair], clients: int, requests: int, target: float) -> Iterator[Found]:
    """Requests in a second through a system, as a part of those that the engine answers without it. A peer
    that answers one with an error has no row."""
    ours, asked = pairs[0], list(pairs)
    ratios: dict[str, list[float]] = {pair.name: [] for pair in pairs}
    bare: dict[str, list[float]] = {pair.name: [] for pair in pairs}
    for _ in track(range(BLOCKS), f"{clients} clients", transient=True):
        for pair in tuple(asked):
            rates = {}
            try:
                for way in random.sample([pair.through, pair.direct], k=2):
                    rates[way is pair.through] = asking.rate(way, clients, requests)
            except RuntimeError as error:
                if pair is ours:
                    raise
                print(f"{clients} clients, {pair.name}: {error}", file=sys.stderr)
                asked.remove(pair)
                continue
            ratios[pair.name].append(rates[True] / rates[False])
            bare[pair.name].append(rates[False])
    for pair in asked:
        wanted = target if pair is ours else None
        what, at = f"{clients} clients, text", median(bare[pair.name])[0]
        yield Found(what, pair.name, median(ratios[pair.name]), "of its rate", wanted, True, at)


def photograph(gateway: Gateway) -> Found:
    """The processor time that a JPEG of twelve megapixels takes before the engine has it."""
    ask(gateway.way, asking.photograph(0))
    spent = []
    for number in track(range(1, PHOTOGRAPHS + 1), "JPEG of 12 MP", transient=True):
        before_s = gateway.own_cpu_s()
        ask(gateway.way, asking.photograph(number))
        spent.append(1000 * (gateway.own_cpu_s() - before_s))
    return Found("new JPEG of 12 MP: processor time", "Viewfinder", median(spent), "ms", 60.0)


def follow_up(gateway: Gateway, rounds: int) -> Iterator[Found]:
    """The first word of a second question about a picture, by that of the first, with two others between; and
    without them, which is the least that the engine takes."""
    ways = {
        ("Viewfinder", 2): gateway.pair.through,
        ("the engine alone", 2): gateway.pair.direct,
        ("the engine alone, nobody between", 0): gateway.pair.direct,
    }
    ratios: dict[str, list[float]] = {system: [] for system, _ in ways}
    for number in track(range(rounds), "follow-up", transient=True):
        for index, ((system, others), way) in random.sample(list(enumerate(ways.items())), k=len(ways)):
            ratios[system].append(_second_by_first(way, number * len(ways) + index, others))
    for system, found in ratios.items():
        target = 0.1 if system == "Viewfinder" else None
        yield Found(FOLLOW_UP, system, median(found), "of the first", target)


def _second_by_first(way: Way, number: int, others: int) -> float:
    said = asking.picture(1600, "jpeg")(10_000 + number)
    first = ask(way, said)
    for other in range(others):
        ask(way, asking.text(other + 2 * number))
    said += [{"role": "assistant", "content": first.words.strip()}]
    said += [{"role": "user", "content": "Describe this image."}]
    return ask(way, said).first / first.first


def cold(gateway: Gateway) -> Iterator[Found]:
    """The first answer of a model that is not up, and of one for which another has to go."""
    engine = gateway.engine
    command, environment = engine.cmdline(), engine.environ()
    starts: list[tuple[float, float]] = []
    swaps: list[float] = []
    for number in track(range(COLD_STARTS), "cold starts", transient=True):
        Control().unload("glimpse")
        time.sleep(REST_S)
        begin_s = time.perf_counter()
        ask(gateway.way, asking.text(number))
        ours_s = time.perf_counter() - begin_s
        with _at_a_socket() as path:
            begin_s = time.perf_counter()
            with bare_engine(command, environment, path) as way:
                ask(way, asking.text(number))
                starts.append((ours_s, time.perf_counter() - begin_s))
        Control().unload("glimpse")
        ask(gateway.way, asking.text(number))
        time.sleep(REST_S)
        begin_s = time.perf_counter()
        Control().unload("glimpse")
        ask(Way(gateway.way.connect, OTHER), asking.text(number))
        swaps.append(time.perf_counter() - begin_s)
        Control().unload(OTHER)
        ask(gateway.way, asking.text(number))
    bare = 1000 * median([direct for _, direct in starts])[0]
    differences = [1000 * (ours - direct) for ours, direct in starts]
    yield Found("first answer of a cold model", "Viewfinder", median(differences), "ms", 15.0, bare=bare)
    beyond = [1000 * (swap - direct) for swap, (_, direct) in zip(swaps, starts, strict=True)]
    yield Found("one model for another", "Viewfinder", median(beyond), "ms", 30.0, bare=bare)


@contextmanager
def _at_a_socket() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="vf-") as folder:
        yield Path(folder) / "engine.sock"
