"""GET /metrics for Prometheus: what the gateway answered, and how the fleet under it does; mounted by `app`.

Gauges are read from the fleet when they are asked for. Counters of the fleet count its events as they
happen. A label holds a model of the catalog, one of our own words, or "other", so that no stranger's
words become series.
"""

import time
from collections.abc import Callable, Iterable
from typing import get_args

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from viewfinder.core.errors import UnknownModel
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.process.states import State
from viewfinder.fleet.record.events import Event
from viewfinder.fleet.record.view import FleetView, ServerView

OTHER = "other"
CLIENT_LEFT = 499
"""nginx's word for a request whose client left before there was a status."""
DURATIONS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)

COUNTED = {
    "load": ("loads", "Starts of server processes.", None),
    "ready": ("loads_ready", "Starts that became ready.", None),
    "unload": ("unloads", 'Ends in good order; why="evicted": to make room.', "why"),
    "death": ("deaths", "Ends of server processes that nobody asked for.", None),
    "restart": ("restarts", "Starts after a death.", None),
    "failed": ("failures", "Server processes that are not started again by themselves.", None),
    "quarantine": ("quarantines", "Server processes that answered a known image wrong.", None),
    "canary": ("canary_rounds", "Rounds of known images.", "good"),
    "replay": ("replays", "Requests asked again because an engine died or failed.", None),
    "stall": ("stalls", "Server processes ended because they stood still.", None),
    "refused": ("refused", "Requests turned away, by the error's code.", "code"),
}
"""Event's kind > the counter's name, what it says, and the detail that is a label."""


class Metrics:
    """All series of one gateway; kept when the app above them is replaced."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet
        self.registry = CollectorRegistry()
        self.registry.register(FleetCollector(fleet))
        self.requests = self._counter("http_requests", "Requests by path and status.", "path", "status")
        self.durations = Histogram(
            "viewfinder_http_request_duration_seconds",
            "From a request's head to the end of its answer.",
            ["path"],
            buckets=DURATIONS_S,
            registry=self.registry,
        )
        self.counters = {
            kind: self._counter(name, says, "model", *([label] if label else []))
            for kind, (name, says, label) in COUNTED.items()
        }
        self.suspects = self._counter("suspect_answers", "Answers that cannot be trusted any more.", "model")
        self.stages = self._counter(
            "load_seconds", "Seconds that starts took to reach each stage.", "model", "stage"
        )
        fleet.events.listen(self.hear)

    async def page(self, _request: Request) -> Response:
        return Response(generate_latest(self.registry), headers={"content-type": CONTENT_TYPE_LATEST})

    def count(self, path: str, status: int, took_s: float) -> None:
        """One request of the gateway; `path` is that of a route, or "other"."""
        self.requests.labels(path, str(status)).inc()
        self.durations.labels(path).observe(took_s)

    def hear(self, event: Event) -> None:
        """One event of the fleet."""
        model = self._label(event.model)
        if event.kind == "suspect":
            self.suspects.labels(model).inc(len(event.details.get("answers", ())))
            return
        label = COUNTED[event.kind][2]
        values = [str(event.details.get(label, OTHER)).lower()] if label else []
        self.counters[event.kind].labels(model, *values).inc()
        if event.kind == "ready":
            for stage, took_s in event.details.items():
                if stage.endswith("_s"):
                    self.stages.labels(model, stage.removesuffix("_s")).inc(took_s)

    def _label(self, model: str) -> str:
        try:
            return self.fleet.card(model).name if model else OTHER
        except UnknownModel:
            return OTHER

    def _counter(self, name: str, says: str, *labels: str) -> Counter:
        return Counter(f"viewfinder_{name}", says, labels, registry=self.registry)


class FleetCollector(Collector):
    """The fleet as it is when Prometheus asks."""

    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet

    def describe(self) -> Iterable[Metric]:
        """Nothing is looked at before the first time."""
        return ()

    def collect(self) -> Iterable[Metric]:
        view = self.fleet.view()
        yield _gauge(view, "leases", "Requests that a server process works on.", lambda one: one.leases)
        yield _gauge(view, "waiting_requests", "Requests that wait for a model.", lambda one: one.waiting)
        yield _gauge(view, "memory_bytes", "Footprint of the process tree.", lambda one: one.memory_bytes)
        yield _gauge(view, "memory_need_bytes", "What the memory plan holds.", lambda one: one.need_bytes)
        yield _gauge(view, "pinned", "1: never unloaded to make room.", lambda one: one.pinned)
        yield _gauge(view, "verified", "1: the last canary was answered right.", lambda one: one.verified)
        yield _gauge(view, "up_seconds", "Since the process is ready.", lambda one: one.up_s)
        for name, says, value in (
            ("queue_requests", "Requests that wait for any model.", view.waiting),
            ("memory_budget_bytes", "For all models together.", view.budget_bytes),
            ("memory_planned_bytes", "Held for the models that are up.", view.planned_bytes),
        ):
            yield GaugeMetricFamily(f"viewfinder_{name}", says, value)
        labels = ["model", "variant", "state"]
        states = GaugeMetricFamily("viewfinder_server_state", "1 for the state it is in.", labels=labels)
        for one in view.servers:
            for state in get_args(State):
                states.add_metric([one.model, one.variant, state], float(one.state == state))
        yield states


class Counted:
    """The outermost guard: counts every request and how long it took, whoever answered it."""

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
            if status == CLIENT_LEFT:  # nothing was said yet
                status = 500
            raise
        finally:
            self.metrics.count(_route_of(scope), status, time.monotonic() - started_s)


def _route_of(scope: Scope) -> str:
    """The path as the app's routes spell it ("/v1/models/{name}"), also of a request that a guard refused."""
    for route in scope["app"].routes:
        if route.matches(scope)[0] is not Match.NONE:
            return str(route.path)
    return OTHER


def _gauge(
    view: FleetView, name: str, says: str, value: Callable[[ServerView], float | None]
) -> GaugeMetricFamily:
    """One value a server process; one of which it is not known has none."""
    family = GaugeMetricFamily(f"viewfinder_{name}", says, labels=["model", "variant"])
    for one in view.servers:
        known = value(one)
        if known is not None:
            family.add_metric([one.model, one.variant], float(known))
    return family
