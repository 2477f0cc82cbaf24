"""A polite client in a process of its own, so that the work of hostile ones is not taken for the gateway's.

`polite.py PORT` reads one line of JSON, its questions by name as base64; then, for each line with the name of
a question, it prints [status, seconds] of every request since the last line, and asks that one from then on.
"""

import base64
import json
import select
import socket
import sys
import time

PAUSE_S = 0.01
OWN_ADDRESS = ("127.0.0.2", 0) if sys.platform == "linux" else None
"""Clients take turns by key or address, so this one is another client than the hostile ones. Other systems
have one loopback address."""


def main() -> None:
    port, questions = int(sys.argv[1]), json.loads(sys.stdin.buffer.raw.readline())
    raw, answers = base64.b64decode(next(iter(questions.values()))), []
    while True:
        answers.append(ask(port, raw))
        if not select.select([sys.stdin.buffer.raw], [], [], PAUSE_S)[0]:
            continue
        name = sys.stdin.buffer.raw.readline().decode().strip()
        if not name:
            return
        raw = base64.b64decode(questions[name])
        print(json.dumps(answers), flush=True)
        answers = []


def ask(port: int, raw: bytes) -> tuple[int, float]:
    began_s = time.monotonic()
    try:
        with socket.create_connection(("127.0.0.1", port), 60, OWN_ADDRESS) as connection:
            connection.sendall(raw)
            status = int(connection.recv(2**16).split(b" ")[1])
    except (OSError, IndexError):
        status = 0
    return status, time.monotonic() - began_s


if __name__ == "__main__":
    main()
