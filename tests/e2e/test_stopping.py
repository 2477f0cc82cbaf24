"""The effect of the signals of a service manager, a user and a terminal on a request in progress."""

import http.server
import json
import signal
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import PATIENCE_S, Served, at_a_terminal, serving


class Slow(http.server.BaseHTTPRequestHandler):
    """A server that sends one word, waits for `proceed`, and sends another word."""

    proceed: threading.Event

    def do_GET(self) -> None:
        self.answer("application/json")
        self.wfile.write(b'{"data": [{"id": "slow"}]}')

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.answer("text/event-stream")
        self.say({"content": "One "}, None)
        self.proceed.wait(PATIENCE_S)
        self.say({"content": "two."}, "stop")
        self.wfile.write(b"data: [DONE]\n\n")

    def answer(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.end_headers()

    def say(self, delta: dict[str, str], reason: str | None) -> None:
        chunk = {"choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def proceed() -> threading.Event:
    return threading.Event()


@pytest.fixture
def slow(proceed: threading.Event) -> Iterator[str]:
    handler = type("Handler", (Slow,), {"proceed": proceed})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    proceed.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def served(tmp_path: Path, slow: str, home: Path, request: Any) -> Iterator[Served]:
    drain_s = getattr(request, "param", 60)
    (home / "viewfinder.toml").write_text(
        f'[fleet]\ndrain_s = {drain_s}\n[endpoints.slow]\nbase_url = "{slow}"\nmodel = "slow"\n'
    )
    with serving(tmp_path / "state", "--port", "0") as running:
        yield running


class Asking:
    """A streamed answer whose first word has arrived."""

    def __init__(self, url: str) -> None:
        body = {"model": "slow", "stream": True, "messages": [{"role": "user", "content": "Count."}]}
        request = urllib.request.Request(  # noqa: S310
            f"{url}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        self.reply = urllib.request.urlopen(request, timeout=PATIENCE_S)  # noqa: S310
        self.said = b""
        while b"One" not in self.said:
            self.said += self.reply.readline()

    def rest(self) -> str:
        with self.reply:
            return (self.said + self.reply.read()).decode()


def refuses(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/health", timeout=PATIENCE_S).close()  # noqa: S310
    except OSError:
        return True
    return False


def until_refused(url: str) -> None:
    while not refuses(url):
        time.sleep(0.01)


def test_the_first_signal_lets_the_answer_finish(served: Served, proceed: threading.Event) -> None:
    asking = Asking(served.url)
    served.process.send_signal(signal.SIGTERM)
    until_refused(served.url)
    assert served.process.poll() is None
    proceed.set()
    said = asking.rest()
    assert "two." in said
    assert said.endswith("data: [DONE]\n\n")
    assert served.process.wait(PATIENCE_S) == 0


def test_the_second_signal_cuts_it_off(served: Served) -> None:
    asking = Asking(served.url)
    served.process.send_signal(signal.SIGTERM)
    until_refused(served.url)
    served.process.send_signal(signal.SIGTERM)
    said = asking.rest()
    assert '"code":"stopping"' in said
    assert "[DONE]" not in said
    assert served.process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("served", [1], indirect=True)
def test_past_the_deadline_it_is_cut_off(served: Served) -> None:
    asking = Asking(served.url)
    served.process.send_signal(signal.SIGTERM)
    assert '"code":"stopping"' in asking.rest()
    assert served.process.wait(PATIENCE_S) == 0


def test_a_closed_terminal_stops_the_server_that_runs_in_it(tmp_path: Path) -> None:
    """SIGHUP reloads the settings; but a terminal that is closed sends it as well, to stop its programs."""
    with at_a_terminal(tmp_path, "serve", "--port", "0", "--json") as (process, screen):
        said = b""
        while b"}" not in said:
            said += screen.read(4096)
        process.send_signal(signal.SIGHUP)
        while b"Settings reloaded" not in said:  # the terminal is there
            said += screen.read(4096)
        screen.close()
        assert process.wait(PATIENCE_S) == 0
