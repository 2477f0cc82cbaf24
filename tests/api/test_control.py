"""The client of the control socket: it finds the owner, and reports in one sentence when there is none."""

import http.server
import json
import os
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from viewfinder.api.control import Control
from viewfinder.core.errors import BadRequest, NotRunning, ViewfinderError
from viewfinder.fleet.record.answers import NotedAnswer
from viewfinder.fleet.view import FleetView, ServerView
from viewfinder.host.ownership import OwnerLock, control_socket

VIEW = FleetView(
    servers=(
        ServerView(
            model="glimpse",
            variant="llama.cpp-f16",
            engine="llama.cpp",
            engine_version="1",
            state="ready",
            verified=True,
            reason="",
            pid=4711,
            leases=1,
            waiting=0,
            pinned=False,
            memory_bytes=5,
            need_bytes=6,
            starts=1,
            restarts=0,
            deaths=0,
            up_s=1.5,
            idle_s=None,
            load_s={"ready": 0.5},
        ),
    ),
    waiting=0,
    budget_bytes=100,
    planned_bytes=6,
)
ERROR = {"error": {"message": "There is no model named 'x'.", "type": "t", "code": "model_not_found"}}
ANSWERS: dict[str, tuple[int, Any]] = {
    "GET /fleet": (200, VIEW.as_json()),
    "GET /events": (200, [{"kind": "load", "model": "glimpse", "at_s": 1.0, "details": {"engine": "x"}}]),
    "GET /suspects": (200, [{"id": "a", "model": "glimpse", "status": "suspect", "reason": "stale"}]),
    "POST /models/viewfinder%2Fglimpse/load": (200, {"model": "glimpse"}),
    "POST /models/glimpse/unload": (200, {"model": "glimpse"}),
    "POST /models/glimpse/pin": (200, {"model": "glimpse"}),
    "POST /models/glimpse/unpin": (200, {"model": "glimpse"}),
    "POST /models/x/load": (404, ERROR),
    "POST /models/dies/load": (
        502,
        {"error": {"message": "It died.", "hint": "Feed it.", "code": "engine_died"}},
    ),
    "POST /models/odd/load": (500, ["?"]),
}


class Owner(http.server.BaseHTTPRequestHandler):
    """Answers by the table; closes the connection on anything else."""

    def do_GET(self) -> None:
        words = f"{self.command} {self.path}"
        if words not in ANSWERS:
            return
        status, body = ANSWERS[words]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def owner(home: Path) -> Iterator[OwnerLock]:
    lock = OwnerLock.acquire(home)
    with control_socket(lock) as listener:
        lock.announce("http://127.0.0.1:8080", listener.getsockname())
        server = socketserver.UnixStreamServer(listener.getsockname(), Owner, bind_and_activate=False)
        server.socket.close()
        server.socket = listener
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield lock
        server.shutdown()
        thread.join()
    lock.release()


def test_the_owner_is_found_and_reports_its_state(owner: OwnerLock) -> None:
    control = Control()
    assert (control.pid, control.url) == (os.getpid(), "http://127.0.0.1:8080")
    assert control.fleet() == VIEW
    (event,) = control.events()
    assert (event.kind, event.details) == ("load", {"engine": "x"})
    assert control.suspects() == [NotedAnswer("a", "glimpse", "suspect", "stale")]


def test_models_are_controlled_by_name_or_id(owner: OwnerLock) -> None:
    control = Control()
    assert control.load("viewfinder/glimpse") == "glimpse"
    assert control.unload("glimpse") == control.pin("glimpse") == control.pin("glimpse", False) == "glimpse"


@pytest.mark.parametrize(
    ("model", "kind", "code"),
    [
        ("x", BadRequest, "model_not_found"),
        ("dies", ViewfinderError, "engine_died"),
        ("odd", ViewfinderError, "internal_error"),
        ("unheard-of", NotRunning, "not_running"),
    ],
)
def test_a_refusal_keeps_its_code(
    owner: OwnerLock, model: str, kind: type[ViewfinderError], code: str
) -> None:
    with pytest.raises(kind) as refused:
        Control().load(model)
    assert refused.value.reason == code
    assert refused.value.hint == {"dies": "Feed it.", "unheard-of": "Start it: viewfinder serve"}.get(
        model, ""
    )


def test_without_a_server_there_is_a_hint(home: Path) -> None:
    with pytest.raises(NotRunning, match="No `viewfinder serve` runs") as refused:
        Control()
    assert refused.value.hint == "Start it: viewfinder serve"


def test_a_server_that_is_still_starting(home: Path) -> None:
    lock = OwnerLock.acquire(home)
    try:
        with pytest.raises(NotRunning, match="still starting"):
            Control()
    finally:
        lock.release()


# httpcore2 leaves the socket of a failed connect to the garbage collector, which closes it and warns.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
def test_a_server_that_stopped_meanwhile_is_not_running(owner: OwnerLock) -> None:
    control = Control()
    Path(control._socket).unlink()
    with pytest.raises(NotRunning, match="no longer answers"):
        control.fleet()
