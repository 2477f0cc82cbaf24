"""The attacks: at least one for each row of `table` for which bytes can be sent to a running gateway.

`test_beside` runs each with a polite client beside it, `together` some of them for hours.
"""

import base64
import select
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial

from tests.hostile.beside import TIMES_QUIET, Served, about, asked, chat
from tests.hostile.beside import image as with_image
from tests.hostile.payloads import (
    ACCESS,
    BODIES,
    FIELDS,
    FLOODS,
    MODELS,
    NOT_HTTP,
    NOT_JSON,
    PATHS,
    RANGES,
    SPECIAL,
    STREAMS,
    TERMINAL,
    URLS,
    VALUES,
    WRONG_KEYS,
    WRONG_TYPES,
    images,
    many_scans,
    photograph,
    schemas,
    sizes,
    webps,
)

FAULTS = {
    "loads": "never-ready/always",
    "dies": "dies-mid-stream/always",
    "garbage": "garbage/always",
    "no-newline": "no-newline/always",
    "wrong-order": "wrong-order/always",
    "endless": "endless/always",
    "slow": "trickles/always",
}
"""Models of the faulty engine, by name."""
GONE = 0
"""The status of a connection that was closed without an answer."""


class Unexpected(Exception):
    """An attack got an answer that it should not get."""


@dataclass(frozen=True)
class Attack:
    """`make` prepares it; what it returns is one attack, whose answers are of these statuses."""

    row: str
    name: str
    make: Callable[[], Callable[[Served], Iterable[int]]]
    statuses: frozenset[int] = frozenset({400})
    asks: str = "text"
    """What the polite client asks meanwhile."""
    times: float = TIMES_QUIET
    """The bound of its p99, in times of the quiet one."""
    why: str = ""
    """Why that is not the bound of all others."""

    def run(self, attack: Callable[[Served], Iterable[int]], served: Served) -> None:
        if unexpected := set(attack(served)) - self.statuses:
            raise Unexpected(f"{self.name}: {sorted(unexpected)}")


def sending(raws: Iterable[bytes], *, number: int = 1, at_once: int = 8) -> Callable[[Served], list[int]]:
    """Sends each of them that often."""
    all_of_them = list(raws) * number

    def attack(served: Served) -> list[int]:
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(served.send, all_of_them))

    return attack


def everywhere(call: Callable[[Served], int], number: int = 8) -> Callable[[Served], list[int]]:
    def attack(served: Served) -> list[int]:
        with ThreadPoolExecutor(number) as pool:
            return list(pool.map(call, [served] * number))

    return attack


def pouring(begin: bytes, part: bytes) -> Callable[[Served], int]:
    """Sends a part again and again, as long as it is taken."""

    def pour(served: Served) -> int:
        with suppress(OSError), served.connect() as connection:
            connection.sendall(begin)
            connection.settimeout(1)
            for _ in range(200):
                connection.sendall(part)
        return GONE

    return pour


def crawling(begin: bytes, part: bytes) -> Callable[[Served], list[int]]:
    """A hundred clients that send a part ten times a second."""

    def attack(served: Served) -> list[int]:
        with ExitStack() as stack:
            connections = [stack.enter_context(served.connect()) for _ in range(100)]
            for connection in connections:
                connection.sendall(begin)
            for _ in range(15):
                time.sleep(0.1)
                for connection in connections:
                    connection.sendall(part)
        return []

    return attack


def idling(served: Served) -> list[int]:
    """Many connections that say nothing."""
    with ExitStack() as stack:
        for _ in range(1200):
            stack.enter_context(served.connect())
        time.sleep(1)
    return []


def holding(served: Served) -> int:
    """Sends 60 MB of a body, and never its end."""
    head = chat(b" " * 66_000_000)[:200].partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    with suppress(OSError, IndexError), served.connect() as connection:
        connection.sendall(head)
        for _ in range(60):
            connection.sendall(b" " * 2**20)
        connection.settimeout(1)
        return int(connection.recv(4096).split(b" ")[1])
    return GONE


def crowding(raw: bytes, number: int) -> Callable[[Served], list[int]]:
    """So many requests at the same time; the statuses of those that are answered soon."""

    def attack(served: Served) -> list[int]:
        with ExitStack() as stack:
            connections = [stack.enter_context(served.connect()) for _ in range(number)]
            for connection in connections:
                connection.sendall(raw)
            time.sleep(0.3)
            answered = select.select(connections, [], [], 0)[0]
            return [int(connection.recv(4096).split(b" ")[1]) for connection in answered]

    return attack


def leaving(raw: bytes, after_bytes: int) -> Callable[[Served], int]:
    """Asks, and leaves once the answer has begun; or after a while, if it does not begin."""

    def leave(served: Served) -> int:
        with suppress(OSError), served.connect() as connection:
            connection.settimeout(0.3)
            connection.sendall(raw)
            if after_bytes:
                connection.recv(after_bytes)
        return GONE

    return leave


def not_reading(raw: bytes) -> Callable[[Served], list[int]]:
    """Two clients that ask for more than the system buffers, and read nothing."""

    def attack(served: Served) -> list[int]:
        with ExitStack() as stack:
            for _ in range(2):
                connection = stack.enter_context(served.connect())
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                connection.sendall(raw)
            time.sleep(1.5)
        return []

    return attack


def bodies(raws: Iterable[bytes], **more: int) -> Callable[[], Callable[[Served], list[int]]]:
    """Chat requests with these bodies."""
    return lambda: sending([chat(body) for body in raws], **more)


def about_images(names: Sequence[str]) -> Callable[[], Callable[[Served], list[int]]]:
    return lambda: sending([chat(about(url)) for url in images(names)], number=2)


def asking(model: str, **fields: object) -> bytes:
    return chat(asked(**fields).replace(b'"glimpse"', f'"{model}"'.encode()))


ANY = frozenset({200, 400, 413, 429, 502, 503, GONE})

ATTACKS: tuple[Attack, ...] = (
    Attack("A1", "bodies above the limit", lambda: sending(sizes()), frozenset({413, GONE})),
    Attack("A2", "heads that crawl", lambda: crawling(b"GET /health HTTP/1.1\r\n", b"x: y\r\n")),
    Attack("A2", "bodies that crawl", lambda: crawling(chat(b" " * 10_000)[:-9_990], b" ")),
    Attack("A3", "1,200 idle connections", lambda: idling),
    Attack("A4", "heads that are too large", lambda: sending(FLOODS, number=4), frozenset({400, 431, GONE})),
    Attack("A5", "what is not JSON", bodies(NOT_JSON.values(), number=4)),
    Attack("A6", "wrong types", bodies(WRONG_TYPES, number=4)),
    Attack("A7", "fields of engines", bodies(FIELDS, number=4)),
    Attack("A8", "values beyond reason", bodies(VALUES, number=4)),
    Attack("A9", "formats beyond reason", lambda: sending(schemas()), frozenset({400})),
    Attack(
        "A10",
        "special tokens",
        bodies(SPECIAL, at_once=2),
        frozenset({200, 400}),
        times=20,
        why="They are ordinary prompts, some of 2,000 tokens, and an engine answers two requests at a time.",
    ),
    Attack("A11", "addresses in place of images", bodies(URLS["A11"], number=4)),
    Attack("A12", "addresses that redirect", bodies(URLS["A12"], number=20)),
    Attack("A13", "addresses that parsers disagree on", bodies(URLS["A13"], number=8)),
    Attack("A14", "addresses of endless images", bodies(URLS["A14"], number=20)),
    Attack("A15", "paths in place of images", bodies(URLS["A15"], number=8)),
    Attack("A16", "broken data URLs", about_images(["broken base64", "no comma", "nothing"]), asks="picture"),
    Attack(
        "A17",
        "images of billions of pixels",
        about_images(["PNG of 50,000 x 50,000", "WebP of 16 million squared", "JPEG of 65,535 x 65,535"]),
        asks="picture",
    ),
    Attack(
        "A18", "other formats", about_images(["TIFF", "EPS", "PSD", "FITS", "ICO", "SVG"]), asks="picture"
    ),
    Attack(
        "A19",
        "odd images",
        about_images(["1 x 65,000", "PNG of no width", "PNG with rows of noise"]),
        asks="picture",
    ),
    Attack(
        "A20", "a thousand images", lambda: sending([chat(about(*images(["one byte"]) * 1000))], number=8)
    ),
    Attack(
        "A21",
        "damaged images",
        about_images(["JPEG, half", "PNG chunk of 4 GB", "PNG with a wrong checksum", "WebP, half"]),
        asks="picture",
    ),
    Attack("A22", "foreign hosts", lambda: sending(ACCESS["A22"], number=16), frozenset({400, 403})),
    Attack("A23", "foreign pages", lambda: sending(ACCESS["A23"], number=16), frozenset({403, 415})),
    Attack("A24", "wrong keys", lambda: sending(ACCESS["A24"], number=16), frozenset({401})),
    Attack("A26", "paths of engines", lambda: sending(PATHS, number=16), frozenset({404, 405, 415})),
    Attack("A27", "models that are not here", bodies(MODELS, number=8), frozenset({400, 404})),
    Attack(
        "A32",
        "a model that loads for ever",
        lambda: everywhere(leaving(asking("loads"), 1), 16),
        frozenset({GONE}),
    ),
    Attack(
        "A33",
        "a queue that is full",
        lambda: crowding(asking("loads"), 300),
        frozenset({429}),
    ),
    Attack(
        "A34",
        "clients that leave in the middle",
        lambda: everywhere(leaving(asking("slow", stream=True), 300), 16),
        frozenset({GONE}),
    ),
    Attack("A35", "an engine that dies", lambda: sending([asking("dies")] * 4, at_once=2), ANY),
    Attack(
        "A36",
        "an engine that answers nonsense",
        lambda: sending([asking("garbage"), asking("wrong-order")]),
        ANY,
    ),
    Attack("A36", "8 MB without the end of a line", lambda: sending([asking("no-newline")]), ANY),
    Attack("A37", "prompts that are too long", bodies([asked(content="circle " * 20_000)], number=8)),
    Attack(
        "A39",
        "ranges, and forms in many parts",
        lambda: sending(RANGES, number=8),
        frozenset({200, 415, 431, GONE}),
    ),
    Attack("B1", "schemas that never end", lambda: sending(schemas())),
    *(
        Attack(
            "B2",
            name,
            lambda body=body, number=number: sending([chat(body())], number=number, at_once=20),
            ANY,
        )
        for name, (number, body) in BODIES.items()
    ),
    *(
        Attack("B3", name, partial(lambda stream: everywhere(pouring(*stream)), stream), frozenset({GONE}))
        for name, stream in STREAMS.items()
    ),
    Attack(
        "B4", "progressive JPEGs of thousands of scans", lambda: sending([many_scans()] * 8), asks="picture"
    ),
    Attack(
        "B4",
        "24 photographs of 24 megapixels",
        lambda: sending([photograph()] * 24, at_once=24),
        ANY,
        "picture",
    ),
    Attack("B5", "22 WebPs of 44 megapixels", lambda: sending(webps()), ANY, "picture"),
    Attack(
        "B5",
        "twelve connections that hold 60 MB each",
        lambda: everywhere(holding, 12),
        frozenset({503, GONE}),
    ),
    Attack(
        "B6",
        "clients that do not read",
        lambda: not_reading(asking("endless", stream=True, max_tokens=16_000)),
    ),
    Attack("B7", "1,200 more idle connections", lambda: idling),
    Attack(
        "B8",
        "what is not HTTP",
        lambda: sending(NOT_HTTP, number=8),
        frozenset({200, 400, 401, 403, 405, 431, 505, GONE}),
    ),
    Attack("B13", "sequences for terminals", bodies(TERMINAL, number=8), frozenset({400, 404})),
    Attack("B14", "wrong keys under every name", lambda: sending(WRONG_KEYS, number=16), frozenset({401})),
    Attack(
        "B4",
        "images that are no images",
        lambda: sending([chat(with_image(base64.b64encode(bytes(3_000_000))))], number=8),
        asks="picture",
    ),
)
