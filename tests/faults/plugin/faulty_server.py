"""A small OpenAI-compatible server with one fault: `faulty_server.py OPTIONS_JSON`.

Options: socket, fault, and memory: a folder in which it remembers its starts. Without a fault it answers
with the color of the last image sent (a solid one), or says that there is none.
"""

import base64
import io
import itertools
import json
import os
import signal
import socketserver
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

from PIL import Image

OPTIONS = json.loads(sys.argv[1])
FAULT = OPTIONS["fault"]
CHAT = "/v1/chat/completions"


def color_of(messages: list[dict[str, Any]]) -> str:
    """The color of the last image: "red", "green", "blue", or "none"."""
    urls = [
        part["image_url"]["url"]
        for message in messages
        if isinstance(message["content"], list)
        for part in message["content"]
        if part["type"] == "image_url"
    ]
    if not urls:
        return "none"
    pixel = (
        Image.open(io.BytesIO(base64.b64decode(urls[-1].partition(",")[2]))).convert("RGB").getpixel((1, 1))
    )
    assert isinstance(pixel, tuple)
    return ("red", "green", "blue")[pixel.index(max(pixel))]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    requests: ClassVar = itertools.count(1)
    seen: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.whole(503 if FAULT == "never-ready" else 200, {"status": "ok"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        number = next(self.requests)
        self.seen.append(color_of(body["messages"]))
        fault = FAULTS.get(FAULT)
        if fault is None or not fault(self, number):
            self.answer(self.seen[-1], stream=bool(body.get("stream")))

    def answer(self, word: str, *, stream: bool, dies: bool = False) -> None:
        if not stream:
            message = {"role": "assistant", "content": word}
            self.whole(200, {"choices": [{"message": message, "finish_reason": "stop"}]})
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        self.event({"choices": [{"delta": {"role": "assistant", "content": word}}]})
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        self.event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        self.wfile.write(b"data: [DONE]\n\n")
        self.close_connection = True

    def event(self, payload: dict[str, Any]) -> None:
        self.wfile.write(b"data: " + json.dumps(payload).encode() + b"\n\n")
        self.wfile.flush()

    def whole(self, status: int, payload: dict[str, Any] | str) -> None:
        data = (payload if isinstance(payload, str) else json.dumps(payload)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        return


def die(handler: Handler, number: int) -> bool:
    os.kill(os.getpid(), signal.SIGKILL)
    return True


def error_in_a_200(handler: Handler, number: int) -> bool:
    handler.whole(200, {"error": {"code": 500, "message": "boom at /home/someone"}})
    return True


def error_body(handler: Handler, number: int) -> bool:
    handler.whole(500, {"detail": "boom at /home/someone"})
    return True


def second_call_fails(handler: Handler, number: int) -> bool:
    """As mlx-vlm up to 0.4.0 did with LLaVA-NeXT."""
    if number < 2:
        return False
    return error_body(handler, number)


def previous_image(handler: Handler, number: int) -> bool:
    handler.answer(handler.seen[max(0, len(handler.seen) - 2)], stream=True)
    return True


def hang(handler: Handler, number: int) -> bool:
    time.sleep(3600)
    return True


FAULTS: dict[str, Callable[[Handler, int], bool]] = {
    "dies-at-the-first-request": lambda handler, number: starts() == 1 and die(handler, number),
    "dies-at-every-request": die,
    "dies-after-two": lambda handler, number: number > 2 and starts() == 1 and die(handler, number),
    "dies-mid-stream": lambda handler, number: handler.answer("some", stream=True, dies=True) is None,
    "error-in-a-200": error_in_a_200,
    "error-body": error_body,
    "empty": lambda handler, number: handler.answer("", stream=True) is None,
    "garbage": lambda handler, number: handler.whole(200, "<html>") is None,
    "second-call-fails": second_call_fails,
    "previous-image": previous_image,
    "hangs": hang,
}


def starts() -> int:
    """How often a server with this memory was started, this one included."""
    return len(list(Path(OPTIONS["memory"]).iterdir()))


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


if __name__ == "__main__":
    (Path(OPTIONS["memory"]) / str(os.getpid())).touch()
    if FAULT == "dies-while-loading":
        print("no such tensor", flush=True)
        raise SystemExit(3)
    if FAULT == "killed-while-loading" and starts() == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    Server(OPTIONS["socket"], Handler).serve_forever()
