"""`chat`: from a pipe, at a terminal, and with an engine that fails or takes long."""

import json
import os
import select
import stat
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import BinaryIO

import pytest
from typer.testing import CliRunner, Result

import viewfinder
from viewfinder.api.chat import ModelChat
from viewfinder.cli.main import app
from viewfinder.core.errors import ViewfinderError

from .conftest import PATIENCE_S, Served, at_a_terminal

COUNT, COLOR = "How many shapes are there?", "What color is the shape?"


def talked(home: Path, said: str, *words: str | Path) -> Result:
    typed = ["chat", *map(str, words)]
    return CliRunner(env={"VIEWFINDER_HOME": str(home)}).invoke(app, typed, input=said)


def test_each_line_of_a_pipe_is_a_question(served: Served, picture: Path) -> None:
    done = talked(served.home, f"{COUNT}\n\n/reset\n/image '{picture}'\n{COUNT}", "glimpse", picture)
    assert (done.exit_code, done.stdout) == (0, "1.\n1.\n")
    assert done.stderr.count("TTFT") == 2
    assert done.stderr.count(f"Attached: {picture}") == 2
    assert not (served.home / "chat_history").exists(), "a pipe is nobody's typing"
    assert len(list((served.home / "run").iterdir())) == 1, "no other fleet was started"


def test_what_fails_does_not_end_the_conversation(served: Served, picture: Path) -> None:
    bad = picture.with_name("bad.png")
    bad.write_text("I am no picture.")
    said = [
        "/image away.png",
        f"/image {bad}",
        COUNT,
        "/images",
        "/image",
        "/help",
        f"/image {picture}",
        COUNT,
    ]
    done = talked(served.home, "\n".join([*said, "/quit", "No."]), "glimpse")
    assert (done.exit_code, done.stdout) == (1, "1.\n")
    for words in ("away.png cannot be read", "not an image", "no command /images", "No image is attached"):
        assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert "/reset " in done.stderr


def test_the_engine_has_what_was_said_in_its_cache(
    served: Served, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = talked(
        served.home, f"{COUNT}\n{COLOR}\n{COUNT}", "glimpse", picture, "--json"
    ).stdout.splitlines()
    first, *later = map(json.loads, lines)
    assert (first["images"], later[0]["images"]) == ([str(picture)], [])
    assert [turn["question"] for turn in (first, *later)] == [COUNT, COLOR, COUNT]
    for before, turn in zip((first, *later), later, strict=False):
        assert turn["cached_tokens"] >= before["prompt_tokens"]
    monkeypatch.setenv("VIEWFINDER_HOME", str(served.home))
    with viewfinder.load("glimpse") as model:
        chat = ModelChat(model, system="Be short.")
        chat.attach(str(picture))
        chat.ask(COUNT, lambda _: None)
        before = list(chat.messages)
        chat.ask(COLOR, lambda _: None)
        assert chat.messages[: len(before)] == before
        assert [message["role"] for message in chat.messages] == ["system", *["user", "assistant"] * 2]
        chat.reset()
        assert chat.messages == [{"role": "system", "content": "Be short."}]


class Moody(BaseHTTPRequestHandler):
    """A server whose first answer is a refusal, whose second one begins and takes for ever, and which keeps
    what it is sent."""

    seen: list[list[dict[str, str]]]
    over: threading.Event

    def do_GET(self) -> None:
        self.begin(200, "application/json")
        self.wfile.write(b'{"data": [{"id": "moody"}]}')

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.seen.append(body["messages"])
        if len(self.seen) == 1:
            self.begin(422, "application/json")
            self.wfile.write(b'{"error": {"message": "Not in the mood."}}')
            return
        self.begin(200, "text/event-stream")
        self.say("Well, ", None)
        if len(self.seen) == 2:
            self.over.wait(PATIENCE_S)
        self.say("yes.", "stop")
        self.wfile.write(b"data: [DONE]\n\n")

    def begin(self, status: int, kind: str) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.end_headers()

    def say(self, word: str, reason: str | None) -> None:
        chunk = {"choices": [{"index": 0, "delta": {"content": word}, "finish_reason": reason}]}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def moody(home: Path) -> Iterator[type[Moody]]:
    handler = type("Handler", (Moody,), {"seen": [], "over": threading.Event()})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    (home / "viewfinder.toml").write_text(f'[endpoints.moody]\nbase_url = "{url}"\nmodel = "moody"\n')
    yield handler
    handler.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


class Reader:
    """Reads a terminal up to the words that are waited for, and keeps what is behind them."""

    def __init__(self, screen: BinaryIO) -> None:
        self._screen, self._rest = screen, b""

    def until(self, words: bytes, *, again: bytes = b"") -> bytes:
        """Types `again` for as long as nothing comes."""
        while words not in self._rest:
            if again and not select.select([self._screen], [], [], 0.3)[0]:
                self._screen.write(again)
                continue
            part = self._screen.read(4096)
            assert part, self._rest
            self._rest += part
        before, found, self._rest = self._rest.partition(words)
        return before + found


def test_at_a_terminal(moody: type[Moody], home: Path) -> None:
    """An error, an answer that is stopped, one more, the history by the arrow key, and Ctrl-D."""
    with at_a_terminal(home, "chat", "moody") as (process, screen):
        reader = Reader(screen)
        reader.until(b"> ")
        screen.write(b"Hello?\n")
        assert b"engine_refused" in reader.until(b"status 422")
        reader.until(b"> ")
        screen.write(b"Are you there?\n")
        reader.until(b"Well, ")
        screen.write(b"\x03")
        assert b"stopped" in reader.until(b"> ")
        screen.write(b"half a line\x03")
        # Python overlooks a signal that comes just before it waits for a key.
        reader.until(b"Ctrl-D or /quit leaves", again=b"\x03")
        reader.until(b"> ")
        screen.write(b"\x1b[A\n")  # the last question again
        reader.until(b"Well, yes.")
        reader.until(b"> ")
        screen.write(b"\x04")
        assert process.wait(PATIENCE_S) == 0
    user, assistant = {"role": "user"}, {"role": "assistant"}
    question = user | {"content": "Are you there?"}
    assert moody.seen[1:] == [[question], [question, assistant | {"content": "Well, "}, question]]
    history = home / "chat_history"
    assert history.read_text() == "Hello?\nAre you there?\nAre you there?\n"
    assert stat.S_IMODE(history.stat().st_mode) == 0o600


def test_images_stay_attached_when_the_engine_failed(moody: type[Moody], picture: Path) -> None:
    with viewfinder.load("moody") as model:
        chat = ModelChat(model)
        chat.attach(os.fspath(picture))
        chat._model.answer_to = lambda *_, **__: _broken()  # type: ignore[method-assign]
        with pytest.raises(ViewfinderError, match="died"):
            chat.ask("What?", lambda _: None)
        assert [image.path for image in chat.images] == [str(picture)]
        assert chat.messages == []


def _broken() -> Iterator[str]:
    raise ViewfinderError("It died.")
    yield ""
