"""A bare client, which adds next to nothing itself, and the questions of the benchmark; used by `rows`."""

import json
import random
import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from viewfinder.scenes.drawing import paint, saved
from viewfinder.scenes.messages import Message, data_url, with_images
from viewfinder.scenes.questions import ask_about
from viewfinder.scenes.scene import make_scene

TIMEOUT_S = 120
PHOTOGRAPH = 4000, 3000


@dataclass(frozen=True, slots=True)
class Way:
    """How a server is reached, and what it calls the model. `connect` opens a connection of its own."""

    connect: Callable[[], socket.socket]
    model: str = "glimpse"
    headers: str = ""


@dataclass(frozen=True, slots=True)
class Waits:
    """Milliseconds until the first word and until the end, and the words."""

    first: float
    whole: float
    words: str = field(compare=False)


def over_tcp(port: int) -> Callable[[], socket.socket]:
    return lambda: socket.create_connection(("127.0.0.1", port), TIMEOUT_S)


def over_socket(path: Path) -> Callable[[], socket.socket]:
    def connect() -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(TIMEOUT_S)
        connection.connect(str(path))
        return connection

    return connect


def ask(way: Way, messages: Sequence[Message], tokens: int = 4) -> Waits:
    """One streamed answer, on a new connection."""
    body = {"model": way.model, "temperature": 0, "max_tokens": tokens, "stream": True, "messages": messages}
    data = json.dumps(body).encode()
    head = (
        "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        f"{way.headers}Connection: close\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    begin_s, first_s, said = time.perf_counter(), 0.0, b""
    with way.connect() as connection:
        connection.sendall(head.encode() + data)
        while piece := connection.recv(2**16):
            said += piece
            if not first_s and _words(said):
                first_s = time.perf_counter()
            if said.endswith((b"[DONE]\n\n", b"[DONE]\r\n\r\n", b"0\r\n\r\n")):
                break
    end_s = time.perf_counter()
    if not said.startswith(b"HTTP/1.1 200") or not first_s:
        raise RuntimeError(f"no answer: {said[:300]!r}")
    return Waits(1000 * (first_s - begin_s), 1000 * (end_s - begin_s), _words(said))


def _words(said: bytes) -> str:
    """What the model has said so far."""
    words = []
    for line in said.splitlines():
        if line.startswith(b"data: {") and line.endswith(b"}"):
            for choice in json.loads(line[6:]).get("choices", ()):
                words.append(choice["delta"].get("content") or "")
    return "".join(words)


def rate(way: Way, clients: int, requests: int) -> float:
    """Short texts answered in a second, asked by so many clients at once."""
    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(lambda number: ask(way, text(number)), range(clients)))
        begin_s = time.perf_counter()
        list(pool.map(lambda number: ask(way, text(number)), range(requests)))
        return requests / (time.perf_counter() - begin_s)


def text(number: int) -> list[Message]:
    return [{"role": "user", "content": f"What is {number % 10} plus {number // 10 % 10}?"}]


def picture(edge: int, codec: str) -> Callable[[int], list[Message]]:
    """A question about a picture of this longest edge that nobody was asked about before."""

    def messages(number: int) -> list[Message]:
        scene = make_scene(f"peers/{edge}/{number}", things=2, longest=(edge, edge))
        question = ask_about(scene, "count", random.Random(number))
        assert question is not None
        options = {"quality": 90} if codec == "jpeg" else {}
        return [with_images([data_url(codec, saved(paint(scene), codec, **options))], question.text)]

    return messages


def photograph(number: int) -> list[Message]:
    """Twelve megapixels of JPEG."""
    scene = make_scene(f"peers/photograph/{number}", things=2, longest=(1000, 1000))
    data = saved(paint(scene).resize(PHOTOGRAPH), "jpeg", quality=90)
    return [with_images([data_url("jpeg", data)], "How many shapes are there?")]
