"""A small OpenAI-compatible server with one fault: `faulty_server.py OPTIONS_JSON`.

Options: fault; memory, a folder in which it notes its starts; truths, a file of what it knows about pictures
(`faulty_sight`); socket, or port, where it answers nobody without the key in ENGINE_KEY; and when its fault
is on:

    always    in every process
    first     in the first process alone: a fresh one is sound
    armed     in a process that was up when the test put the file "armed" into the memory, from then on

Without its fault it answers truthfully; asked to speak "at length", it takes two seconds over it.

How it answers ("manner") may be told too, for measurements; it then counts its tokens, one a word:

    ttft_s, itl_s   from a request's arrival to its first word, and from one word to the next
    mistaken        the share of questions that it gets wrong, always the same ones
    lessons         whether it is taught while it runs, by the file "lessons.jsonl" in its memory
"""

import itertools
import json
import math
import os
import signal
import socketserver
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import faulty_deeds
import planted_deeds
from faulty_deeds import AT_START
from faulty_sight import Lessons, Truths, open_eyes, see

OPTIONS = json.loads(sys.argv[1])
FAULT, WHEN, MEMORY = OPTIONS["fault"], OPTIONS["when"], Path(OPTIONS["memory"])
ARMED = MEMORY / "armed"
AT_REQUEST = faulty_deeds.AT_REQUEST | planted_deeds.AT_REQUEST
PACE_S = 0.05
AT_LENGTH = ["and", "so", "on"] * 13


def is_on() -> bool:
    """Whether the fault is on now."""
    if WHEN == "armed":
        return not ARMED_AT_START and ARMED.exists()
    return WHEN == "always" or IS_FIRST


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128


class PortServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 128


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    numbers: ClassVar = itertools.count(1)
    """The number of requests since the fault is on."""
    seen: ClassVar[list[str]] = []
    """The picture of every request."""
    abandoned: ClassVar = threading.Event()
    """Set when a client has left in the middle of an answer while the fault was on."""
    truths: ClassVar[Truths] = {}
    lessons: ClassVar[Lessons | None] = None
    process: ClassVar = 0
    """The number of this process among those that shared its memory."""
    server: Server | PortServer
    disable_nagle_algorithm = "port" in OPTIONS
    """Otherwise each word would wait until the one before was acknowledged."""

    def do_GET(self) -> None:
        if not self.is_known():
            self.whole(401, {"detail": "Unauthorized"})
        elif self.path != "/health":
            self.whole(404, {"detail": "Not Found"})
        else:
            self.whole(503 if FAULT == "never-ready" and is_on() else 200, {"status": "ok"})

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.arrived_s = time.monotonic()
        body = json.loads(data)
        if not self.is_known():
            self.whole(401, {"detail": "Unauthorized"})
            return
        if self.lessons is not None:
            self.lessons.learn(self.truths)
        self.body = body
        self.streams = bool(body.get("stream"))
        try:
            self.sight = see(body["messages"], self.truths)
        except OSError:
            self.whole(400, {"error": {"message": "this is no picture"}})
            return
        self.seen.append(self.sight.picture)
        self.words = self.told_of(self.sight.picture)
        if self.sight.is_hard(OPTIONS.get("mistaken", 0.0)):
            self.words = planted_deeds.WRONG
        try:
            if is_on() and FAULT in AT_REQUEST:
                AT_REQUEST[FAULT](self, next(self.numbers))
            else:
                self.answer(self.words)
        except (BrokenPipeError, ConnectionResetError):
            if is_on():
                self.abandoned.set()
            self.close_connection = True

    def is_known(self) -> bool:
        return "port" not in OPTIONS or self.headers["Authorization"] == f"Bearer {os.environ['ENGINE_KEY']}"

    def told_of(self, picture: str) -> str:
        """The answer to this request's question about another picture."""
        return self.sight.told_of(picture, self.truths)

    def was_abandoned(self) -> bool:
        return self.abandoned.is_set()

    def answer(self, words: str, later_s: float = 0.0, slower: float = 1.0) -> None:
        """Send the words; its manner says how much later the first one is, and how much slower the others."""
        if "ttft_s" in OPTIONS:
            first_s = self.arrived_s + OPTIONS["ttft_s"] + later_s
            self.answer_in_time(words.split(), first_s, OPTIONS["itl_s"] * slower)
            return
        more = AT_LENGTH if words and "at length" in self.sight.question else []
        if not self.streams:
            time.sleep(PACE_S * len(more))
            message = {"role": "assistant", "content": " ".join([words, *more])}
            choice = {"message": message, "finish_reason": "stop", "logprobs": self.likely()}
            self.whole(200, {"choices": [choice]})
            return
        self.begin()
        self.say(words)
        for word in more:
            time.sleep(PACE_S)
            self.say(f" {word}")
        self.end()

    def likely(self) -> dict[str, Any] | None:
        """Where log-probabilities are wanted: yes at 0.9 to what is easy, at 0.6 to all else."""
        if not self.body.get("logprobs"):
            return None
        yes = 0.9 if "easy" in self.sight.question else 0.6
        tops = [
            {"token": token, "logprob": math.log(one), "bytes": None}
            for token, one in (("Yes", yes), ("No", 1 - yes))
        ]
        return {"content": [{**tops[0], "top_logprobs": tops}]}

    def answer_in_time(self, words: list[str], first_s: float, gap_s: float) -> None:
        """Each word at its own moment, so that what one lacks the next ones do not add up.

        When they really left, by this program's own clock, is told at the end.
        """
        left_s = []
        usage = {"prompt_tokens": 8, "completion_tokens": len(words), "total_tokens": 8 + len(words)}
        head = {"id": "chatcmpl-1", "created": 0, "model": self.body.get("model", "")}
        chunk = {**head, "object": "chat.completion.chunk"}
        if self.streams:
            self.begin()
        for number, word in enumerate(words):
            time.sleep(max(0.0, first_s + number * gap_s - time.monotonic()))
            left_s.append(time.monotonic() - self.arrived_s)
            if self.streams:
                delta = {"content": " " * bool(number) + word}
                self.event({**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        if self.streams:
            end = {"index": 0, "delta": {}, "finish_reason": "stop"}
            self.event({**chunk, "choices": [end]})
            self.event({**chunk, "choices": [], "usage": usage, "timings": {"left_s": left_s}})
            self.write(b"data: [DONE]\n\n")
            self.close_connection = True
        else:
            message = {"role": "assistant", "content": " ".join(words)}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            self.whole(200, {**head, "object": "chat.completion", "choices": [choice], "usage": usage})

    def begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()

    def say(self, words: str) -> None:
        self.event({"choices": [{"delta": {"role": "assistant", "content": words}}]})

    def end(self) -> None:
        self.event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        self.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def event(self, payload: dict[str, Any]) -> None:
        self.write(b"data: " + json.dumps(payload).encode() + b"\n\n")

    def write(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()

    def whole(self, status: int, payload: dict[str, Any] | str) -> None:
        data = (payload if isinstance(payload, str) else json.dumps(payload)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def close_listener(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        return


if __name__ == "__main__":
    (MEMORY / "starts").mkdir(exist_ok=True)
    (MEMORY / "starts" / str(os.getpid())).touch()
    ARMED_AT_START = ARMED.exists()
    Handler.process = len(list((MEMORY / "starts").iterdir()))
    IS_FIRST = Handler.process == 1
    if FAULT in AT_START and is_on():
        AT_START[FAULT]()
    open_eyes()
    Handler.truths = json.loads(Path(OPTIONS["truths"]).read_text())
    if OPTIONS.get("lessons"):
        Handler.lessons = Lessons(MEMORY / "lessons.jsonl")
    if "port" in OPTIONS:
        PortServer(("127.0.0.1", OPTIONS["port"]), Handler).serve_forever()
    else:
        Server(OPTIONS["socket"], Handler).serve_forever()
    while True:
        signal.pause()  # its listener is closed, and it lives
