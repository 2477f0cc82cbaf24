"""`viewfinder ps`: every model of the running `serve`, and its state.

A row holds what fits on a usual screen; the variant and the reason of the state are on a line below it.
"""

import contextlib
import time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from viewfinder.cli.console import columns, duration, output, print_json, size

if TYPE_CHECKING:
    from viewfinder.catalog.peer_view import PeerView
    from viewfinder.fleet.view import FleetView, ServerView

REFRESH_S = 1.0
HEADER = ("model", "state", "verified", "pid", "memory", "leases", "waiting", "restarts", "up", "idle")


def ps(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Keep showing changes.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show each model of the running server: its state, memory, requests and restarts."""
    from viewfinder.api.control import Control

    control = Control()
    if as_json:
        print_json(control.fleet().as_json())
        return
    if not watch:
        output.print(table(control.fleet()), highlight=False)
        return
    from rich.live import Live

    with contextlib.suppress(KeyboardInterrupt), Live(table(control.fleet()), console=output) as live:
        while True:
            time.sleep(REFRESH_S)
            live.update(table(control.fleet()))


def table(view: "FleetView") -> Text:
    """The fleet as rows, and a line with its totals."""
    shown = columns(HEADER, map(_row, view.servers), map(_below, view.servers))
    whole = f"{size(view.planned_bytes)} of {size(view.budget_bytes)} planned, {view.waiting} waiting"
    if view.nodes:
        whole = f"{len(view.nodes)} {'node' if len(view.nodes) == 1 else 'nodes'}: {whole}"
    others = "".join(f"\n{_peer(one)}" for one in view.peers)
    if not view.servers:
        return Text(f"No model is up ({whole}).{others}")
    return shown.append(f"\n{whole}", style="dim").append(others)


def _peer(one: "PeerView") -> str:
    """Another gateway, in a line."""
    names = ", ".join(one.models[:5]) + (" ..." if len(one.models) > 5 else "")
    state = f"{one.state} ({one.reason})" if one.reason else one.state
    news = "" if one.news or one.state != "reachable" else "its events need an admin key"
    parts = (state, f"viewfinder {one.version}" if one.version else "", f"models: {names or 'none'}", news)
    return f"gateway {one.name} at {one.url}: {'; '.join(filter(None, parts))}"


def _row(one: "ServerView") -> tuple[str, ...]:
    return (
        one.model,
        one.state,
        {True: "yes", False: "no", None: "-"}[one.verified],
        "-" if one.pid is None else str(one.pid),
        "-" if one.memory_bytes is None else size(one.memory_bytes),
        str(one.leases),
        str(one.waiting),
        str(one.restarts),
        duration(one.up_s),
        duration(one.idle_s),
    )


def _below(one: "ServerView") -> str:
    engine = f"{one.variant} on {one.engine} {one.engine_version}".strip()
    engine = f"{engine} on node {one.node}" if one.node else engine
    upgrade = one.upgrade["sentence"] if one.upgrade else ""
    return "; ".join(filter(None, (engine, "pinned" if one.pinned else "", one.reason, upgrade)))
