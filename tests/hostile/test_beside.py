"""A polite client beside a hostile one: a real gateway in a process of its own, and glimpse on llama.cpp.

Whatever the hostile one sends, the polite one's answers stay quick, the event loop is never blocked for long,
and memory and descriptors come back. `make soak` measures every attack; with VIEWFINDER_MEASURED, on a quiet
computer, it publishes the figures of docs/security.md. `make test` has those that once broke it.
"""

import base64
import json
import os
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.faults.gateway import picture
from tests.faults.measured import WANTED, publish
from tests.hostile.attacks import ATTACKS, FAULTS, Attack
from tests.hostile.beside import (
    BASE_MB,
    BLOCK_MS,
    CALM_S,
    POLITE_S,
    RSS_MB,
    SHARED_MS,
    TIMES_QUIET,
    Polite,
    Served,
    asked,
    beside,
    chat,
    image,
)
from tests.hostile.raw import request
from viewfinder.gateway.fleet_feed import MOST_READERS
from viewfinder.host.descriptors import raise_limit

DELIVERY_S = 1.0
SECONDS = float(os.environ.get("VIEWFINDER_SOAK_ATTACK_S", "0.8"))
ATTEMPTS = 3
"""At each attack: other programs of the computer delay the polite client too, and not all the time."""
BROKE_IT = (
    "60 MB of aabb",
    "120,000 {}",
    "24,000 {}",
    "trailers",
    "wrong keys",
)
NUMBERS = {"type": "array", "items": {"type": "integer"}, "minItems": 1000, "maxItems": 1500}
LOGPROBS = chat(
    asked(
        stream=True,
        logprobs=True,
        top_logprobs=20,
        max_tokens=3500,
        response_format={"type": "json_schema", "json_schema": {"name": "numbers", "schema": NUMBERS}},
    )
)
"""Its answer has 3.4 MB, more than the system buffers for a connection."""


@dataclass
class Record:
    """What docs/security.md shows of `make soak`."""

    limits: dict[str, float] = field(
        default_factory=lambda: {
            "times_quiet": TIMES_QUIET,
            "polite_s": POLITE_S,
            "rss_mb": RSS_MB,
            "block_ms": BLOCK_MS,
            "back_s": CALM_S,
            "base_mb": BASE_MB,
        }
    )
    seconds: float = SECONDS
    attacks: dict[str, dict[str, Any]] = field(default_factory=dict)


@pytest.fixture(scope="module")
def record() -> Iterator[Record]:
    """Published once every attack was measured."""
    record = Record()
    yield record
    if len(record.attacks) == len(ATTACKS):
        publish("hostile", record)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    raise_limit()
    served = Served(tmp_path_factory.mktemp("served"), faults=FAULTS, delivery_timeout_s=DELIVERY_S)
    assert served.ask()[0] == 200  # loads the model
    yield served
    served.close()


@pytest.fixture(scope="module")
def polite(served: Served) -> Iterator[Polite]:
    polite = Polite(served)
    polite.answers("picture")
    yield polite
    polite.close()


@pytest.mark.soak
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: f"{attack.row} {attack.name}")
def test_a_polite_client_is_served_beside(
    served: Served, polite: Polite, record: Record, attack: Attack, capfd: pytest.CaptureFixture[str]
) -> None:
    prepared = attack.make()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            figures = beside(
                served,
                polite,
                lambda served: attack.run(prepared, served),
                asks=attack.asks,
                least_s=SECONDS,
                most_times=attack.times,
                floor_ms=0.0 if WANTED else SHARED_MS,
            )
        except AssertionError:
            if attempt == ATTEMPTS:
                raise
        else:
            break
    record.attacks[attack.name] = {"row": attack.row, **asdict(figures), "attempts": attempt}
    with capfd.disabled():
        print(f"\n  {json.dumps(record.attacks[attack.name])}", end=" ")


@pytest.mark.parametrize(
    "attack", [attack for attack in ATTACKS if attack.name in BROKE_IT], ids=lambda attack: attack.name
)
def test_what_broke_it(served: Served, polite: Polite, attack: Attack) -> None:
    """60 MB of text held up every client for 49 s, 20 bodies of {} for 14 s; trailers took 1,200 MB."""
    prepared = attack.make()
    beside(
        served,
        polite,
        lambda served: attack.run(prepared, served),
        asks=attack.asks,
        least_s=0.2,
        most_times=attack.times,
    )


@pytest.mark.soak  # the engine takes 7 s for its answers; tests/gateway/test_connection does without it
def test_clients_that_do_not_read(served: Served, polite: Polite) -> None:
    """Two of them held both slots of the engine for ever."""
    with ExitStack() as stack:
        for _ in range(2):
            connection = stack.enter_context(served.connect())
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(LOGPROBS)
        time.sleep(0.5)
        status, took_s = served.ask()  # waits until the engine is done with one of them, and for no reader
        assert status == 200
        assert took_s < 15
        served.ask()
        beside(served, polite, lambda _: time.sleep(2 * DELIVERY_S))


def test_thousands_of_streams(served: Served, polite: Polite) -> None:
    """Of the fleet: those beyond the most are refused, nobody waits for who does not read, all places come
    back."""
    raw = request("GET /fleet/stream")
    statuses: Counter[int] = Counter()

    def attack(served: Served) -> None:
        with ExitStack() as stack:
            several = [stack.enter_context(served.connect()) for _ in range(250)]
            for connection in several:
                connection.sendall(raw)
            statuses.update(int(connection.recv(12).split()[1]) for connection in several)

    beside(served, polite, attack, least_s=0.2)
    assert set(statuses) == {200, 503}
    assert statuses[200] >= MOST_READERS
    with served.connect() as connection:
        connection.sendall(raw)
        assert connection.recv(12).endswith(b"200")


def test_hardly_any_descriptors(tmp_path: Path) -> None:
    """A good image was told `decode_failed`, for want of a descriptor."""
    scarce = Served(tmp_path, descriptors="-n 160")
    photograph = chat(image(base64.b64encode(picture("red"))))
    try:
        with ExitStack() as stack:
            for _ in range(300):
                stack.enter_context(scarce.connect())
            statuses = [scarce.send(photograph) for _ in range(3)]
        assert set(statuses) <= {200, 503}
        assert scarce.send(photograph) == 200
        assert scarce.log.stat().st_size < 4096
    finally:
        scarce.close()
