"""The state of a fleet at one moment, read only; for `ps`, the metrics and the control socket."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from viewfinder.catalog.peer_view import PeerView
from viewfinder.fleet.process.states import State

if TYPE_CHECKING:
    from viewfinder.fleet.health.entry import ModelEntry


@dataclass(frozen=True, slots=True)
class ServerView:
    """One model's server process. Seconds are how long ago something was; None: it never was."""

    model: str
    variant: str
    engine: str
    engine_version: str
    state: State
    verified: bool | None
    """Whether the last canary passed; None: none ran yet, or the model has no canary."""
    reason: str
    """Why it is failed, in backoff or quarantined; otherwise empty."""
    pid: int | None
    leases: int
    waiting: int
    pinned: bool
    memory_bytes: int | None
    """The last measured footprint of the process tree."""
    need_bytes: int | None
    """What the memory plan reserves for it."""
    starts: int
    restarts: int
    deaths: int
    up_s: float | None
    idle_s: float | None
    load_s: Mapping[str, float] = field(default_factory=dict)
    """Seconds until each phase of the last start: spawned, listening, ready."""
    canary_s: float | None = None
    upgrade: dict[str, Any] | None = None
    """What was found after the engine or the files last changed: `verdict`, `sentence`, `since` (what
    changed), `back` (how to undo it), `at_s` (wall clock). None: nothing was compared."""
    node: str = ""
    """Where it runs in a cluster; empty: on this machine."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """One replica of a cluster, which has the fleet of its node. `name` is that in `ServerView.node`."""

    name: str
    host: str
    replica: str
    models: tuple[str, ...]
    """Those that are up."""
    leases: int
    waiting: int
    budget_bytes: int
    planned_bytes: int
    memory_bytes: int
    """The measured footprint of all its engines."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Models that it does not serve because its files are missing or differ, with the reasons."""


@dataclass(frozen=True, slots=True)
class FleetView:
    """All server processes, and the queue."""

    servers: tuple[ServerView, ...]
    waiting: int
    budget_bytes: int
    planned_bytes: int
    nodes: tuple[NodeView, ...] = ()
    """Those of a cluster; empty: it is one machine."""
    peers: tuple[PeerView, ...] = ()
    """The other gateways whose models are shown here."""

    def as_json(self) -> dict[str, Any]:
        """Plain types that can be written as JSON."""
        return asdict(self)

    @classmethod
    def of_json(cls, fields: dict[str, Any]) -> "FleetView":
        """What `as_json` wrote. Raises TypeError or KeyError for what another version wrote."""
        servers = tuple(ServerView(**server) for server in fields["servers"])
        nodes = tuple(NodeView(**{**node, "models": tuple(node["models"])}) for node in fields["nodes"])
        peers = tuple(PeerView(**{**one, "models": tuple(one["models"])}) for one in fields.get("peers", ()))
        return cls(**{**fields, "servers": servers, "nodes": nodes, "peers": peers})


def view_of(entry: "ModelEntry", waiting: int) -> ServerView:
    """What `ps` and the metrics show of an entry; looks at no process."""
    server, vitals, checks, now_s = entry.server, entry.vitals, entry.checks, time.monotonic()
    is_up = server.state == "ready"
    return ServerView(
        model=entry.card.name,
        variant=server.variant.name,
        engine=server.variant.engine,
        engine_version=server.engine_version,
        state=entry.state,
        verified=checks.verified if is_up else None,
        reason=server.failure.message if server.failure and not is_up else "",
        pid=server.pid,
        leases=len(entry.leases),
        waiting=waiting,
        pinned=entry.pinned,
        memory_bytes=vitals.memory_bytes if is_up else None,
        need_bytes=vitals.need_bytes,
        starts=server.starts,
        restarts=max(0, server.starts - 1),
        deaths=len(server.deaths),
        up_s=now_s - server.ready_at_s if is_up and server.ready_at_s else None,
        idle_s=entry.idle_s if is_up else None,
        load_s=dict(server.phases_s),
        canary_s=now_s - checks.checked_s if checks.checked_s else None,
        upgrade=report.as_json() if is_up and (report := entry.upgrade.report) else None,
    )
