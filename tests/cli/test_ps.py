"""`viewfinder ps` as a user sees it."""

from dataclasses import replace

from rich.console import Console

from tests.api.test_control import VIEW
from viewfinder.cli.ps import table
from viewfinder.fleet.view import FleetView


def printed(view: FleetView) -> list[str]:
    console = Console(width=80, soft_wrap=True)
    with console.capture() as said:
        console.print(table(view), highlight=False)
    return said.get().splitlines()


def test_a_row_has_the_state_and_the_line_below_the_variant_and_the_reason() -> None:
    (server,) = VIEW.servers
    failed = replace(
        server, model="broken", state="failed", verified=None, pid=None, memory_bytes=None,
        reason="It died 5 times.", pinned=True, up_s=None, idle_s=7300.0, restarts=5,
    )  # fmt: skip
    lines = printed(replace(VIEW, servers=(server, failed), waiting=3))
    assert lines[0].split() == [
        "model", "state", "verified", "pid", "memory", "leases", "waiting", "restarts", "up", "idle",
    ]  # fmt: skip
    assert lines[1].split() == ["glimpse", "ready", "yes", "4711", "0.0", "MB", "1", "0", "0", "2", "s", "-"]
    assert lines[2] == "    llama.cpp-f16 on llama.cpp 1"
    assert lines[3].split() == ["broken", "failed", "-", "-", "-", "1", "0", "5", "-", "2", "h"]
    assert lines[4] == "    llama.cpp-f16 on llama.cpp 1; pinned; It died 5 times."
    assert lines[5] == "0.0 MB of 0.0 MB planned, 3 waiting"


def test_without_a_model_it_says_so() -> None:
    assert printed(replace(VIEW, servers=())) == ["No model is up (0.0 MB of 0.0 MB planned, 0 waiting)."]


def test_an_engines_text_is_not_markup() -> None:
    (server,) = VIEW.servers
    lines = printed(replace(VIEW, servers=(replace(server, reason="[bold]no[/bold]"),)))
    assert lines[2].endswith("[bold]no[/bold]")
