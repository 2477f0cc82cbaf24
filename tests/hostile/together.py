"""Hostile and polite clients on one gateway for hours; `test_together` runs it, docs/security.md shows it.

The hostile ones take turns at all kinds of attack, and pause as long as each attack took. Once a minute both
are quiet for some seconds, so that what the gateway then holds can be compared over the hours.
"""

import base64
import json
import math
import random
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import psutil

from tests.hostile.attacks import ATTACKS, Attack
from tests.hostile.beside import Served, asked, chat, peak_of
from viewfinder.scenes.drawing import encode_png
from viewfinder.scenes.scene import make_scene

Prepared = Callable[[Served], Iterable[int]]
OF_ENGINES = ("A32", "A33", "A35", "A36")
"""Faults of engines: docs/reliability.md is about them."""
CYCLE_S = 60.0
CALM_S = 5.0
"""Quiet before what is held is looked at."""
PAUSE_S = 0.2


def questions(served: Served) -> list[tuple[bytes, str]]:
    """Of a text and of pictures, each with what the undisturbed model says."""
    raws = [chat(asked(content="What is 2 plus 2?", max_tokens=8))]
    for number in range(4):
        url = (
            "data:image/png;base64," + base64.b64encode(encode_png(make_scene(f"together/{number}"))).decode()
        )
        parts = [
            {"type": "image_url", "image_url": {"url": url}},
            {"type": "text", "text": "Describe this image."},
        ]
        raws.append(chat(asked(content=parts, max_tokens=48)))
    return [(raw, said(answered(served, raw)[1])) for raw in raws]


@dataclass(frozen=True)
class Held:
    """What is held while nobody asks."""

    rss_mb: float
    engine_and_decoders_mb: float
    descriptors: int
    processes: int
    log_bytes: int
    """What the gateway wrote: to its terminal, and its events."""
    engine_log_bytes: int
    """What the engine wrote; at most 20 MB are kept."""


@dataclass
class Polite:
    """A client that asks, and knows the answers."""

    served: Served
    questions: list[tuple[bytes, str]]
    took_s: list[float] = field(default_factory=list)
    wrong: int = 0
    statuses: dict[int, int] = field(default_factory=dict)

    def run(self, may: threading.Event, done: threading.Event) -> None:
        for raw, right in cycle(self.questions):
            may.wait()
            if done.is_set():
                return
            began_s = time.monotonic()
            status, body = answered(self.served, raw)
            self.took_s.append(time.monotonic() - began_s)
            self.statuses[status] = self.statuses.get(status, 0) + 1
            self.wrong += status == 200 and said(body) != right
            time.sleep(PAUSE_S)


@dataclass
class Record:
    hours: float = 0.0
    polite_requests: int = 0
    polite_statuses: dict[str, int] = field(default_factory=dict)
    wrong_answers: int = 0
    polite_median_ms: int = 0
    polite_p99_ms: int = 0
    polite_slowest_ms: int = 0
    attacks: int = 0
    longest_block_ms: float = 0.0
    longest_block_by: str = ""
    peak_rss_mb: float = 0.0
    first_tenth: dict[str, float] = field(default_factory=dict)
    last_tenth: dict[str, float] = field(default_factory=dict)
    log_bytes_per_hour: int = 0


def answered(served: Served, raw: bytes) -> tuple[int, bytes]:
    """The status and the body; 0: the connection was closed."""
    data = b""
    with suppress(OSError), served.connect() as connection:
        connection.sendall(raw)
        while part := connection.recv(2**16):
            data += part
    head, _, body = data.partition(b"\r\n\r\n")
    return (int(head.split(b" ")[1]), body) if head else (0, b"")


def said(body: bytes) -> str:
    return str(json.loads(body)["choices"][0]["message"]["content"])


def attacks() -> Iterator[tuple[Attack, Prepared]]:
    """Every attack that needs no faulty engine, in an order drawn anew each time, without end."""
    prepared = [(attack, attack.make()) for attack in ATTACKS if attack.row not in OF_ENGINES]
    while True:
        yield from random.sample(prepared, len(prepared))


def held(served: Served, home: Path) -> Held:
    gateway = psutil.Process(served.process.pid)
    look = served.look()
    others = gateway.children(recursive=True)
    sizes = [process.memory_info().rss for process in others if process.is_running()]
    engines = [home / "logs" / f"glimpse.log{end}" for end in ("", ".1")]
    return Held(
        rss_mb=look["rss_mb"],
        engine_and_decoders_mb=round(sum(sizes) / 2**20, 1),
        descriptors=int(look["descriptors"]),
        processes=len(others),
        log_bytes=size_of(served.log, home / "logs" / "events.jsonl"),
        engine_log_bytes=size_of(*engines),
    )


def size_of(*files: Path) -> int:
    return sum(file.stat().st_size for file in files if file.exists())


def run(served: Served, home: Path, seconds: float, publish: Callable[[Record], object]) -> Record:
    """Attacks `served` for that long; `publish` gets the record as it grows, and as it ends."""
    may, done = threading.Event(), threading.Event()
    known = questions(served)
    polite = [Polite(served, known) for _ in range(2)]
    record = Record()
    threads = [threading.Thread(target=one.run, args=(may, done)) for one in polite]
    for thread in threads:
        thread.start()
    sequence, looks = attacks(), [held(served, home)]
    began_s = time.monotonic()
    try:
        while time.monotonic() < began_s + seconds:
            may.set()
            with peak_of(served) as peak_mb:
                attack_for(CYCLE_S - CALM_S, sequence, served, record)
            record.peak_rss_mb = max(record.peak_rss_mb, *peak_mb)
            may.clear()
            time.sleep(CALM_S)
            looks.append(held(served, home))
            fill(record, polite, looks, time.monotonic() - began_s)
            publish(record)
    finally:
        done.set()
        may.set()
        for thread in threads:
            thread.join(60)
    return record


def attack_for(
    seconds: float, sequence: Iterator[tuple[Attack, Prepared]], served: Served, record: Record
) -> None:
    """One attack after the other for that long, with pauses."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        attack, prepared = next(sequence)
        began_s = time.monotonic()
        attack.run(prepared, served)
        record.attacks += 1
        block_ms = served.look()["block_ms"]
        if block_ms > record.longest_block_ms:
            record.longest_block_ms, record.longest_block_by = block_ms, attack.name
        time.sleep(min(5.0, time.monotonic() - began_s))


def fill(record: Record, polite: list[Polite], looks: list[Held], seconds: float) -> None:
    took_s = sorted(took for one in polite for took in tuple(one.took_s))
    tenth = max(1, len(looks) // 10)
    record.hours = round(seconds / 3600, 2)
    record.polite_requests = len(took_s)
    record.wrong_answers = sum(one.wrong for one in polite)
    record.polite_statuses = {
        str(status): sum(one.statuses.get(status, 0) for one in polite)
        for status in sorted({status for one in polite for status in one.statuses})
    }
    record.polite_median_ms = round(1000 * statistics.median(took_s))
    record.polite_p99_ms = round(1000 * took_s[math.ceil(0.99 * len(took_s)) - 1])
    record.polite_slowest_ms = round(1000 * took_s[-1])
    record.first_tenth = middle(looks[1 : tenth + 1])
    record.last_tenth = middle(looks[-tenth:])
    record.log_bytes_per_hour = round((looks[-1].log_bytes - looks[0].log_bytes) * 3600 / seconds)


def middle(looks: list[Held]) -> dict[str, float]:
    """The median of each figure."""
    rows: list[dict[str, Any]] = [asdict(look) for look in looks]
    return {name: round(statistics.median(row[name] for row in rows), 1) for name in rows[0]}
