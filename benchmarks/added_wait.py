"""The wait that Viewfinder adds to a request: through `serve`, and straight to the engine that it runs.

    python -m benchmarks.added_wait [--rounds 60]

A real `serve` runs glimpse on llama.cpp. Every question is asked in turns through the gateway's port and at
the engine's own Unix socket, each by the same bare client on a new connection, streamed. No picture is asked
about twice. What is added is a difference of medians, which says how the machine is today, too: compare
versions by runs in turns.
"""

import argparse
import json
import random
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import psutil
from rich.progress import track

from benchmarks.served import serving
from viewfinder.api.control import Control
from viewfinder.measure.statistics.intervals import median
from viewfinder.scenes.messages import Message, image_message
from viewfinder.scenes.questions import ask_about
from viewfinder.scenes.scene import make_scene

WARM_UP = 5
Connect = Callable[[], socket.socket]


@dataclass(frozen=True, slots=True)
class Waits:
    """Milliseconds until the first word, and until the end."""

    first: float
    whole: float


def ask(connect: Connect, message: Message) -> Waits:
    body = {"model": "glimpse", "temperature": 0, "max_tokens": 4, "stream": True, "messages": [message]}
    data = json.dumps(body).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(data)
    start_s, first_s, said = time.perf_counter(), 0.0, b""
    with connect() as connection:
        connection.sendall(head + data)
        while piece := connection.recv(2**16):
            said += piece
            if not first_s and said.count(b"data: ") > 1:  # the role comes before the first word
                first_s = time.perf_counter()
    end_s = time.perf_counter()
    assert said.startswith(b"HTTP/1.1 200"), said[:500]
    assert b"[DONE]" in said, said[-500:]
    return Waits(1000 * (first_s - start_s), 1000 * (end_s - start_s))


def texts(number: int) -> Message:
    return {"role": "user", "content": f"What is {number % 10} plus {number // 10 % 10}?"}


def pictures(longest: int) -> Callable[[int], Message]:
    def message(number: int) -> Message:
        scene = make_scene(f"added/{longest}/{number}", things=2, longest=(longest, longest))
        question = ask_about(scene, "count", random.Random(number))
        assert question is not None
        return image_message(scene, question.text)

    return message


QUESTIONS = {"text": texts, "new picture, 512 px": pictures(512), "new picture, 1600 px": pictures(1600)}


def engine_socket() -> str:
    """Where the engine of the only model listens: its command line says so."""
    (only,) = Control().fleet().servers
    assert only.pid is not None
    return next(path for path in _sockets(psutil.Process(only.pid)) if path)


def _sockets(warden: psutil.Process) -> Iterator[str]:
    for process in (warden, *warden.children(recursive=True)):
        for word in process.cmdline():
            if word.startswith("{"):
                yield json.loads(word).get("socket", "")


def unix(path: str) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(60)
    connection.connect(path)
    return connection


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    rounds = parser.parse_args().rounds
    with serving() as url:
        port = urlsplit(url).port
        ways: dict[str, Connect] = {"through us": lambda: socket.create_connection(("127.0.0.1", port), 60)}
        ask(ways["through us"], texts(0))
        path = engine_socket()
        ways["engine"] = lambda: unix(path)
        print(f"{'milliseconds (medians)':28} {'engine':>20} {'through us':>20} {'added':>8}")
        for name, message in QUESTIONS.items():
            waits: dict[str, list[Waits]] = {way: [] for way in ways}
            for number in track(range(rounds + WARM_UP), name, transient=True):
                for way in random.sample(sorted(ways), k=len(ways)):
                    waits[way].append(ask(ways[way], message(2 * number + (way == "engine"))))
            show(name, {way: times[WARM_UP:] for way, times in waits.items()})


def show(name: str, waits: dict[str, list[Waits]]) -> None:
    """One row each for the first word and for the end, with the 95 % interval of each median."""
    for what in ("first", "whole"):
        times = {way: [getattr(one, what) for one in those] for way, those in waits.items()}
        engine, ours = (median(times[way]) for way in ("engine", "through us"))
        shown = [f"{value:.1f} ({low:.1f}-{high:.1f})" for value, low, high in (engine, ours)]
        print(f"{f'{name}, {what}':28} {shown[0]:>20} {shown[1]:>20} {ours[0] - engine[0]:>+8.1f}")


if __name__ == "__main__":
    main()
