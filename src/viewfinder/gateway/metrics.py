"""GET /metrics for Prometheus: the requests of the gateway, and the state of its fleet; mounted by `app`.

Gauges are read from the fleet at each scrape. The fleet's counters count its events as they happen. A label
holds a model of the catalog, one of our own words, or "other", so that no client can create series.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from viewfinder.core.errors import UnknownModel
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.process.states import State
from viewfinder.fleet.record.events import Event
from viewfinder.fleet.view import FleetView, NodeView, ServerView
from viewfinder.gateway.request_record import CLIENT_LEFT
from viewfinder.gateway.sender import KEY_OWNER

OTHER = "other"
DURATIONS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)

COUNTED = {
    "load": ("loads", "Starts of server processes.", None),
    "ready": ("loads_ready", "Starts that became ready.", None),
    "unload": ("unloads", 'Models unloaded in good order; why="evicted": to make room.', "why"),
    "death": ("deaths", "Server processes that ended unexpectedly.", None),
    "restart": ("restarts", "Starts after a death.", None),
    "failed": ("failures", "Models given up after repeated failures.", None),
    "quarantine": ("quarantines", "Server processes that failed their canary.", None),
    "canary": ("canary_rounds", "Canary rounds.", "good"),
    "replay": ("replays", "Requests retried because an engine died or failed.", None),
    "files": ("files_refused", "Models that a node did not serve: its files are missing or differ.", None),
    "stall": ("stalls", "Server processes killed because they stalled.", None),
    "upgrade": ("upgrade_checks", "Checks after an engine or files changed, by verdict.", "verdict"),
    "peer": ("peer_changes", "Times that another gateway came or went, by its state.", "state"),
    "reload": ("reloads", "Times that the settings were read again, by outcome.", "outcome"),
}
"""Kind of event > name of the counter, its description, and the detail that becomes a label."""
FROM_THE_START = {"canary": ("true", "false"), "reload": ("applied", "unchanged", "partly", "refused")}
"""Values of labels whose series begin at 0: Prometheus sees no increase in one that begins at 1."""


class Metrics:
    """All series of one gateway; kept when its app is replaced."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self.requests = self._counter("http_requests", "Requests by path and status.", "path", "status")
        self.durations = Histogram(
            "viewfinder_http_request_duration_seconds",
            "From the headers of a request to the end of its answer.",
            ["path"],
            buckets=DURATIONS_S,
            registry=self.registry,
        )
        self.counters = {
            kind: self._counter(name, says, "model", *([label] if label else []))
            for kind, (name, says, label) in COUNTED.items()
        }
        self.key_requests = self._counter("key_requests", "Requests by the name of their API key.", "key")
        self.key_tokens = self._counter(
            "key_tokens",
            "Tokens by the name of the API key: what engines reported, or of a stream that was cut off the "
            "pieces of its answer.",
            "key",
            "kind",
        )
        self.refused = self._counter(
            "refused", "Requests refused by the fleet or at the door, by error code.", "model", "code"
        )
        self.suspects = self._counter("suspect_answers", "Answers that can no longer be trusted.", "model")
        self.stages = self._counter(
            "load_seconds", "Total seconds that starts took to reach each stage.", "model", "stage"
        )
        for outcome in FROM_THE_START["reload"]:
            self.counters["reload"].labels(OTHER, outcome)
        fleet.events.listen(self.hear)
        fleet.events.refusals.listen(lambda code, model: self.refused.labels(self._label(model), code).inc())

    async def page(self, _request: Request) -> Response:
        return Response(generate_latest(self.registry), headers={"content-type": CONTENT_TYPE_LATEST})

    def count(self, path: str, status: int, took_s: float) -> None:
        """One request of the gateway; `path` is that of a route, or "other"."""
        self.requests.labels(path, str(status)).inc()
        self.durations.labels(path).observe(took_s)

    def used(self, key: str, usage: Mapping[str, Any]) -> None:
        """What the engine reported for one answer to a request with the key of this name."""
        for kind in ("prompt", "completion"):
            count = usage.get(f"{kind}_tokens")
            if isinstance(count, int):
                self.key_tokens.labels(key, kind).inc(count)

    def hear(self, event: Event) -> None:
        model = event.model if event.model and event.details.get("peer") else self._label(event.model)
        if event.kind == "suspect":
            self.suspects.labels(model).inc(len(event.details.get("answers", ())))
            return
        if event.kind not in COUNTED:
            return
        if event.kind == "load":
            self._begin(model)
        label = COUNTED[event.kind][2]
        values = [str(event.details.get(label, OTHER)).lower()] if label else []
        self.counters[event.kind].labels(model, *values).inc()
        if event.kind == "ready":
            for stage, took_s in event.details.items():
                if stage.endswith("_s"):
                    self.stages.labels(model, stage.removesuffix("_s")).inc(took_s)

    def _begin(self, model: str) -> None:
        """Show what can happen to a model before it happens."""
        for kind, (_, _, label) in COUNTED.items():
            if label is None:
                self.counters[kind].labels(model)
        for good in FROM_THE_START["canary"]:
            self.counters["canary"].labels(model, good)
        self.suspects.labels(model)

    def collect(self) -> Iterable[Metric]:
        """The state of the fleet, called by the registry at each scrape."""
        view = self.fleet.view()
        yield _gauge(view, "leases", "Requests in progress.", lambda one: one.leases)
        yield _gauge(view, "waiting_requests", "Requests waiting for a model.", lambda one: one.waiting)
        yield _gauge(
            view, "memory_bytes", "Memory footprint of the process tree.", lambda one: one.memory_bytes
        )
        yield _gauge(view, "memory_need_bytes", "Memory that the plan reserves.", lambda one: one.need_bytes)
        yield _gauge(view, "pinned", "1 if it is never unloaded to make room.", lambda one: one.pinned)
        yield _gauge(view, "verified", "1 if the last canary passed.", lambda one: one.verified)
        yield _gauge(view, "up_seconds", "Time since the process became ready.", lambda one: one.up_s)
        for name, says, value in (
            ("queue_requests", "Requests waiting for all models together.", view.waiting),
            ("memory_budget_bytes", "Memory for all models together.", view.budget_bytes),
            ("memory_planned_bytes", "Memory reserved for the models that are up.", view.planned_bytes),
        ):
            yield GaugeMetricFamily(f"viewfinder_{name}", says, value)
        labels = [*_labels(view), "state"]
        states = GaugeMetricFamily("viewfinder_server_state", "1 for the current state.", labels=labels)
        for one in view.servers:
            for state in get_args(State):
                states.add_metric([*_values(view, one), state], float(one.state == state))
        yield states
        if view.nodes:
            yield from _of_nodes(view)
        peers = GaugeMetricFamily("viewfinder_peer_up", "1 if the other gateway answers.", labels=["peer"])
        for peer in view.peers:
            peers.add_metric([peer.name], float(peer.state == "reachable"))
        yield peers

    def _label(self, model: str) -> str:
        try:
            return self.fleet.card(model).name if model else OTHER
        except UnknownModel:
            return OTHER

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(f"viewfinder_{name}", says, labels, registry=self.registry)


class RequestCounter:
    """The outermost middleware: counts every request and its duration, also those that a guard refuses."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self.app = app
        self.metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        status = CLIENT_LEFT
        started_s = time.monotonic()

        async def seen(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, seen)
        except Exception:
            if status == CLIENT_LEFT:  # nothing was sent yet
                status = 500
            raise
        finally:
            self.metrics.count(_route_of(scope), status, time.monotonic() - started_s)
            if owner := scope.get(KEY_OWNER):
                self.metrics.key_requests.labels(owner).inc()


def _route_of(scope: Scope) -> str:
    """The path as the app's routes spell it ("/v1/models/{name}"), also of a request that a guard refused."""
    for route in scope["app"].routes:
        if route.matches(scope)[0] is not Match.NONE:
            return str(route.path_format)
    return OTHER


def _gauge(
    view: FleetView, name: str, says: str, value: Callable[[ServerView], float | None]
) -> GaugeMetricFamily:
    """One value for each server process where it is known."""
    family = GaugeMetricFamily(f"viewfinder_{name}", says, labels=_labels(view))
    for one in view.servers:
        known = value(one)
        if known is not None:
            family.add_metric(_values(view, one), float(known))
    return family


def _labels(view: FleetView) -> list[str]:
    """What tells server processes apart: in a cluster, a model has one on each of several nodes."""
    return ["model", "variant", *(["node"] if view.nodes else [])]


def _values(view: FleetView, one: ServerView) -> list[str]:
    return [one.model, one.variant, *([one.node] if view.nodes else [])]


def _of_nodes(view: FleetView) -> Iterable[Metric]:
    """The nodes of a cluster, each with its replica."""
    yield GaugeMetricFamily("viewfinder_cluster_replicas", "Nodes with a replica.", len(view.nodes))
    gauges: tuple[tuple[str, str, Callable[[NodeView], int]], ...] = (
        ("leases", "Requests in progress on the node.", lambda node: node.leases),
        ("waiting_requests", "Requests that wait on the node.", lambda node: node.waiting),
        ("memory_bytes", "Memory footprint of all engines of the node.", lambda node: node.memory_bytes),
        ("memory_budget_bytes", "Memory for all models of the node.", lambda node: node.budget_bytes),
    )
    for name, says, value in gauges:
        family = GaugeMetricFamily(f"viewfinder_cluster_{name}", says, labels=["node"])
        for node in view.nodes:
            family.add_metric([node.name], float(value(node)))
        yield family
