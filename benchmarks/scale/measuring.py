"""What is measured on real gateways, nodes and replicas of this machine; called by `__main__`."""

import random
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from rich.progress import track

from benchmarks.peers import asking
from benchmarks.peers.asking import Way, ask
from benchmarks.scale.systems import Gateway
from viewfinder.measure.statistics.intervals import Interval, median
from viewfinder.scenes.messages import Message

PACE = "60 5"
"""The first word after 60 ms, the others 5 ms apart."""
WORDS = 9
ENGINE_MS = 60 + 5 * (WORDS - 1)
"""With these, an answer holds its slot for 100 ms."""
CHUNKS = WORDS + 2
"""The words, the reason why it ended, and the usage."""
QUICK_PACE = "20 2"
CPU_PACE = "5 5"
CPU_CLIENTS = 12
"""As many as three engines have slots: a process that is busy takes several pieces at a time, and spends less
on each than with one request after the other."""
WARM_UP = 5
IDLE_S = 5.0
EDGE_PX = 512


@dataclass(frozen=True, slots=True)
class Rate:
    """Answers in a second of this many clients at once, with this many replicas; `wait_ms` of the median."""

    replicas: int
    clients: int
    per_s: Interval
    wait_ms: Interval


def text(number: int, pace: str = PACE) -> list[Message]:
    """A question that no other has asked: each is a conversation of its own."""
    return [{"role": "user", "content": f"{random.getrandbits(60):x} {number}, pace {pace}"}]


def picture(number: int, pace: str = PACE) -> list[Message]:
    (message,) = asking.picture(EDGE_PX, "jpeg")(number)
    parts = [one for one in message["content"] if one["type"] != "text"]
    return [{"role": "user", "content": [*parts, {"type": "text", "text": f"{number}, pace {pace}"}]}]


def added(one: Gateway, many: Gateway, rounds: int) -> dict[str, Interval]:
    """Milliseconds that Ray adds to the first word and to the end: each round asks both, by turns."""
    first, whole = [], []
    for number in track(range(rounds + WARM_UP), "what Ray adds", transient=True):
        waits = {}
        for name, way in random.sample([("one", one.way), ("many", many.way)], k=2):
            waits[name] = ask(way, text(number, QUICK_PACE), WORDS)
        if number >= WARM_UP:
            first.append(waits["many"].first - waits["one"].first)
            whole.append(waits["many"].whole - waits["one"].whole)
    return {"first": median(first), "whole": median(whole)}


def waits(gateway: Gateway, rounds: int) -> dict[str, Interval]:
    """Milliseconds to the first word and to the end, beyond the engine's own, of one request at a time."""
    found = [ask(gateway.way, text(number), WORDS) for number in range(rounds)]
    return {
        "first": median([one.first - 60 for one in found]),
        "whole": median([one.whole - ENGINE_MS for one in found]),
    }


def idle(gateway: Gateway) -> dict[str, float]:
    """Processor seconds that each part takes in a second in which nobody asks."""
    before, begin_s = gateway.cpu_s(), time.monotonic()
    time.sleep(IDLE_S)
    after, took_s = gateway.cpu_s(), time.monotonic() - begin_s
    return {part: (after[part] - before.get(part, 0.0)) / took_s for part in after if part != "clients"}


def processor_ms(
    gateway: Gateway,
    messages: Callable[[int], list[Message]],
    words: int,
    requests: int,
    rest: Mapping[str, float],
    blocks: int,
) -> dict[str, list[float]]:
    """Processor milliseconds of each part for a request, by block; what it takes at `rest` is left out."""
    spent: dict[str, list[float]] = {}
    for block in track(range(blocks), f"{words} words", transient=True):
        before, begin_s = gateway.cpu_s(), time.monotonic()
        start = block * requests
        asked_at_once(gateway.way, messages, words, clients=CPU_CLIENTS, requests=requests, start=start)
        after, took_s = gateway.cpu_s(), time.monotonic() - begin_s
        for part in after:
            used_s = after[part] - before.get(part, 0.0) - rest.get(part, 0.0) * took_s
            spent.setdefault(part, []).append(1000 * used_s / requests)
    return spent


def asked_at_once(
    way: Way,
    messages: Callable[[int], list[Message]],
    words: int,
    *,
    clients: int,
    requests: int,
    start: int = 0,
) -> tuple[float, list[float]]:
    """Answers in a second, and the milliseconds that each took."""
    asked = [messages(number) for number in range(start, start + requests)]
    with ThreadPoolExecutor(clients) as pool:
        begin_s = time.perf_counter()
        found = list(pool.map(lambda one: ask(way, one, words).whole, asked))
        return requests / (time.perf_counter() - begin_s), found


def rate(gateway: Gateway, replicas: int, clients: int, blocks: int, block_s: float) -> Rate:
    """In a block as many requests as `block_s` has room for, at the engines' speed."""
    requests = max(clients, round(min(clients, 4 * replicas) * block_s * 1000 / ENGINE_MS))
    per_s, took_ms = [], []
    for _ in track(range(blocks), f"{replicas} replicas, {clients} clients", transient=True):
        speed, took = asked_at_once(gateway.way, text, WORDS, clients=clients, requests=requests)
        per_s.append(speed)
        took_ms.append(sorted(took)[len(took) // 2])
    return Rate(replicas, clients, median(per_s), median(took_ms))


def per_chunk(
    short: Sequence[float], long: Sequence[float], words: tuple[int, int]
) -> tuple[Interval, Interval]:
    """Milliseconds of a request without its chunks, and of a chunk: from blocks with few words and many."""
    few, many = words[0] + 2, words[1] + 2
    slopes = [(b - a) / (many - few) for a, b in zip(short, long, strict=True)]
    fixed = [a - slope * few for a, slope in zip(short, slopes, strict=True)]
    return median(fixed), median(slopes)
