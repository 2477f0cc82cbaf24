"""What may disturb a bench is said with the way out."""

from dataclasses import replace

from viewfinder.api.backing.beside import beside
from viewfinder.dashboard.backing import PullLine
from viewfinder.fleet.view import FleetView, ServerView

IDLE = ServerView(
    model="glimpse",
    variant="llama.cpp-f16",
    engine="llama.cpp",
    engine_version="1",
    state="ready",
    verified=True,
    reason="",
    pid=1,
    leases=0,
    waiting=0,
    pinned=False,
    memory_bytes=1,
    need_bytes=1,
    starts=1,
    restarts=0,
    deaths=0,
    up_s=1.0,
    idle_s=1.0,
)


def said(*servers: ServerView, pulls: tuple[PullLine, ...] = ()) -> str:
    return " ".join(beside(FleetView(servers, 0, 1, 1), pulls))


def test_nothing_is_said_where_nothing_disturbs() -> None:
    stopped = replace(IDLE, state="stopped")
    assert said(stopped, pulls=(PullLine("other", "", "done"),)) == ""


def test_an_idle_model_is_said_to_take_memory_and_how_to_unload_it() -> None:
    words = said(IDLE, replace(IDLE, model="other"))
    assert "glimpse, other" in words
    assert "viewfinder stop glimpse; viewfinder stop other" in words
    assert "being answered" not in words


def test_requests_and_downloads_are_said_too() -> None:
    assert "2 requests are being answered here" in said(replace(IDLE, leases=1, waiting=1))
    assert "marked as disturbed" in said(replace(IDLE, leases=1))
    assert "Being downloaded here: other." in said(pulls=(PullLine("other", "", "queued"),))
