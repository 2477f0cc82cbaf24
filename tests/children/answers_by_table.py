"""An engine that answers from a table: `answers_by_table.py OPTIONS_JSON`, with these options.

socket, answers (file: {key of messages: answer}), behavior ("good", "blind", "mute", "refuses_images",
"dies_at_image", "hangs_at_image", "dies_at_start"), held_bytes (memory taken before it is ready), token_s.
"""

import hashlib
import json
import socketserver
import sys
import time
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

OPTIONS = json.loads(sys.argv[1])
BEHAVIOR = OPTIONS["behavior"]


def key_of(messages: list[dict[str, Any]]) -> str:
    """What the answer depends on: every image, and the last words said."""
    digest = hashlib.sha256()
    said = ""
    for message in messages:
        parts = message["content"]
        for part in [{"type": "text", "text": parts}] if isinstance(parts, str) else parts:
            if part["type"] == "text":
                said = part["text"]
            else:
                digest.update(part["image_url"]["url"].encode())
    digest.update(said.encode())
    return digest.hexdigest()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    answers: ClassVar[dict[str, str]] = {}

    def do_GET(self) -> None:
        self._whole(200, {"status": "ok"})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        seen = "data:image" in json.dumps(body["messages"])
        if seen and BEHAVIOR == "dies_at_image":
            print("an image, how awful", flush=True)
            raise SystemExit(9)
        if seen and BEHAVIOR == "hangs_at_image":
            time.sleep(60)
        if seen and BEHAVIOR == "refuses_images":
            self._whole(500, {"error": {"message": "no images here"}})
            return
        answer = self.answers.get(key_of(body["messages"]), "I do not know what to say about that.")
        if seen and BEHAVIOR == "blind":
            answer = "I cannot tell."
        self._stream([] if BEHAVIOR == "mute" else answer.split(" "))

    def _stream(self, words: list[str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for number, word in enumerate(words):
            time.sleep(OPTIONS["token_s"])
            self._event({"choices": [{"delta": {"content": " " * bool(number) + word}}]})
        self._event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        self._event({"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": len(words)}})
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _event(self, payload: dict[str, Any]) -> None:
        self._chunk(b"data: " + json.dumps(payload).encode() + b"\n\n")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _whole(self, status: int, payload: dict[str, Any]) -> None:
        data = json.dumps(payload).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, *_: object) -> None:
        return


if __name__ == "__main__":
    if BEHAVIOR == "dies_at_start":
        print("no such luck", flush=True)
        raise SystemExit(3)
    Handler.answers = json.loads(Path(OPTIONS["answers"]).read_text())
    held = bytearray(b"x") * OPTIONS["held_bytes"]
    socketserver.UnixStreamServer(OPTIONS["socket"], Handler).serve_forever()
