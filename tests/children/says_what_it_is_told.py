"""An OpenAI server on a free port whose model answers with the question itself; prints its address.

The question "REPEAT 10000 word" is answered with that many words, and "SLOWLY" at its start makes a word take
50 ms. Every piece of the answer is one word.
"""

import contextlib
import json
import re
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SLOW_S = 0.05


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._begin("application/json")
        self.wfile.write(json.dumps({"object": "list", "data": [{"id": "parrot"}]}).encode())

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        question = asked(body["messages"][-1]["content"])
        repeated = re.fullmatch(r"REPEAT (\d+) (.*)", question, re.DOTALL)
        answer = repeated[2] * int(repeated[1]) if repeated else question
        pieces = [repeated[2]] * int(repeated[1]) if repeated else re.findall(r"\s*\S+\s*", answer)
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self._say(pieces, SLOW_S if question.startswith("SLOWLY") else 0)

    def _say(self, pieces: list[str], token_s: float) -> None:
        self._begin("text/event-stream")
        for piece in pieces:
            time.sleep(token_s)
            self._event({"choices": [{"index": 0, "delta": {"content": piece}}]})
        self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
        usage = {"prompt_tokens": 7, "completion_tokens": len(pieces), "total_tokens": 7 + len(pieces)}
        self._event({"choices": [], "usage": usage})
        self.wfile.write(b"data: [DONE]\n\n")

    def _begin(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.end_headers()

    def _event(self, event: dict[str, Any]) -> None:
        self.wfile.write(b"data: %b\n\n" % json.dumps({"id": "1", **event}).encode())

    def log_message(self, *_: object) -> None:
        pass


def asked(content: str | list[dict[str, Any]]) -> str:
    """The text of a question."""
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)


if __name__ == "__main__":
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        print(f"http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()
