"""The Serve application: one replica for each node, and the board; deployed by a gateway, found by the next.

    gateway (viewfinder serve --ray) ─handle, ModelRouter─> Node replica: NodeFleet > warden > engine
              └──────────── handle ────────────> Board <──────── reports twice a second

Serve places, scales, drains and replaces the replicas. Its own HTTP proxies are off: the gateway is the only
door (docs/decisions/023).
"""

import asyncio
import contextlib
import hashlib
import logging
import os
import re
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import ray
from ray import serve
from ray.serve.config import AutoscalingConfig, RequestRouterConfig
from ray.serve.handle import DeploymentHandle
from ray.serve.schema import LoggingConfig

from viewfinder.cluster.board import ClusterBoard
from viewfinder.cluster.handles import RayBoard, RayReplicas
from viewfinder.cluster.messages import Failed, KnownFiles, Opened, ReplicaRequest
from viewfinder.cluster.node import NodeFleet
from viewfinder.cluster.waiting import told_while_waiting
from viewfinder.core.config import Settings
from viewfinder.core.errors import ViewfinderError
from viewfinder.fleet.fleet import Fleet

NAMESPACE = "viewfinder"
NODE, BOARD = "Node", "Board"
HEALTH_S = 2.0
"""How often Serve asks each replica for its canary."""
CHECK_TIMEOUT_S = 30.0
BUILD_S, BUILD_LOOK_S = 60.0, 0.2
"""For how long Serve may import an application that a file deploys, and how often we look."""
STOP_S = 20.0
"""For the engines of a replica to stop, once its answers are finished."""
STATS_S = 0.5
RETRIES = 3
"""Of a replica that could not start at all."""
REACH_S = 5.0
OWN_OBJECT_STORE_BYTES = 200_000_000
"""Of a Ray that we start ourselves: requests pass through it, nothing is kept there."""
LOCAL = "local"
OF_CONFIG = "serve deploy"
"""The mark of an application that a configuration file of Serve deployed, not a gateway."""

NamedModels = Mapping[str, KnownFiles | None]
"""The models that the user named, which every replica loads at once, and what is known of their files."""
OpenNode = Callable[[Settings, tuple[str, ...]], AbstractAsyncContextManager[Fleet]]


class Node:
    """The replica that Serve runs; its methods run in one event loop."""

    def __init__(
        self, open_node: OpenNode, settings: Settings, named: NamedModels, board: DeploymentHandle
    ) -> None:
        context = serve.get_replica_context()
        self._fleet = NodeFleet(
            lambda: open_node(settings, tuple(named)),
            RayBoard(board),
            named,
            replica=context.replica_id.unique_id,
            node=ray.get_runtime_context().get_node_id(),
        )
        self._opening: asyncio.Task[None] | None = None

    async def reconfigure(self, _: Any) -> None:
        """Called by Serve before the first request: opens the fleet, and returns when its models are up."""
        if self._opening is None:
            self._opening = asyncio.create_task(self._fleet.open())
        await self._opening

    async def load(self, model: str, files: KnownFiles | None = None) -> Opened | Failed:
        return await self._fleet.load(model, files)

    async def answer(self, asked: ReplicaRequest) -> Any:
        async with contextlib.aclosing(self._fleet.answer(asked)) as pieces:
            async for piece in pieces:
                yield piece

    def check_health(self) -> None:
        """Called by Serve, which replaces the replica when this raises."""
        self._fleet.check()

    def record_routing_stats(self) -> dict[str, Any]:
        """Called by Serve for `ModelRouter`."""
        return {"models": self._fleet.models(), "refused": self._fleet.refused()}

    async def __del__(self) -> None:
        """Called by Serve when the answers in progress are finished."""
        await self._fleet.close()


@dataclass(frozen=True, slots=True)
class Cluster:
    """A connection to the application. `gateway` is our name among the gateways."""

    replicas: RayReplicas
    board: RayBoard
    gateway: str
    slots: int


@contextlib.asynccontextmanager
async def connected(address: str) -> AsyncIterator[None]:
    """Ray, within the block: the cluster at an address, that of this computer ("auto"), or one of our own."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing of ours reports to anybody
    for name in ("ray", "ray.serve"):
        logging.getLogger(name).setLevel(logging.ERROR)
    _keep_stdout()
    await asyncio.to_thread(_init, address)
    try:
        yield
    finally:
        await asyncio.to_thread(ray.shutdown)


def _keep_stdout() -> None:
    """Ray prints what happens to its nodes to stdout, whatever `log_to_driver` says, and there are our own
    results. We say it ourselves."""
    if hasattr(ray._private.worker, "print_to_stdstream"):
        ray._private.worker.print_to_stdstream = lambda *_, **__: None


def _init(address: str) -> None:
    given = {"namespace": NAMESPACE, "log_to_driver": False, "logging_level": logging.ERROR}
    try:
        if address != LOCAL:
            _require_answer(address)
            ray.init(address=address, **given)
            return
    except ConnectionError as error:
        if address != "auto" or os.environ.get("RAY_ADDRESS"):
            raise unreachable(address, error) from None
    os.environ.setdefault("RAY_enable_metrics_collection", "0")
    ray.init(
        address=LOCAL,
        include_dashboard=False,
        object_store_memory=OWN_OBJECT_STORE_BYTES,
        **given,
    )


def _require_answer(address: str) -> None:
    """Raise ViewfinderError where nothing listens: Ray would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_S).close()
    except OSError as error:
        raise unreachable(address, error) from None


def unreachable(address: str, error: Exception) -> ViewfinderError:
    return ViewfinderError(
        f"No Ray cluster answers at {address}: {str(error).partition(chr(10))[0]}",
        hint="Start one (ray start --head), fix the address, or leave it out to start one on this computer.",
        code="no_cluster",
    )


@contextlib.asynccontextmanager
async def deployed(
    settings: Settings, named: NamedModels, open_node: OpenNode, memory_bytes: int
) -> AsyncIterator[tuple[Cluster, "Application"]]:
    """The application, started where it is not running with these settings; the last gateway removes it.

    One that was deployed by a configuration file of Serve is used as it is, and stays.
    """
    application = Application(named, open_node, memory_bytes)
    await application.deploy(settings)
    gateway = secrets.token_hex(6)
    handles = [serve.get_deployment_handle(one, application.name) for one in (NODE, BOARD)]
    replicas, board = RayReplicas(handles[0]), RayBoard(handles[1])
    slots = most_replicas(settings) * 2 * settings.cluster.target_requests
    try:
        yield Cluster(replicas, board, gateway, slots), application
    finally:
        others = ["unknown"]
        with contextlib.suppress(Exception):
            others = await asyncio.wait_for(board.goodbye(gateway), 5)
        if not others and not application.is_of_config:
            await asyncio.to_thread(serve.delete, application.name)
        for handle in handles:  # its thread would connect to Ray again
            with contextlib.suppress(Exception):
                await handle.shutdown_async()


class Application:
    """What runs on Serve."""

    name = "viewfinder"

    def __init__(self, named: NamedModels, open_node: OpenNode, memory_bytes: int) -> None:
        self._named, self._open_node, self._memory_bytes = dict(named), open_node, memory_bytes
        self.is_of_config = False

    async def deploy(self, settings: Settings) -> None:
        """Start it; does nothing when it runs with the same settings. Raises ViewfinderError."""
        try:
            await asyncio.to_thread(self._deploy, settings)
        except RuntimeError as error:
            raise await asyncio.to_thread(self._failure, str(error)) from None

    def _deploy(self, settings: Settings) -> None:
        serve.start(proxy_location="Disabled")
        mark = self._mark(settings)
        running = self._running()
        if running is not None and running.status in ("RUNNING", "DEPLOYING"):
            handle = serve.get_deployment_handle(BOARD, self.name)
            known = handle.options(method_name="mark").remote().result(timeout_s=CHECK_TIMEOUT_S)
            self.is_of_config = known == OF_CONFIG
            if known in (mark, OF_CONFIG):
                return
        app = self.bound(settings, mark)
        quiet = LoggingConfig(log_level="WARNING")
        with told_while_waiting(self._needs(settings), ray.nodes):
            serve.run(app, name=self.name, route_prefix=None, logging_config=quiet)

    def _needs(self, settings: Settings) -> dict[str, float]:
        """Of Ray's resources, for one replica."""
        own = settings.cluster
        return {"CPU": own.cpus, "GPU": own.gpus, "memory": self._memory_bytes}

    def _running(self) -> Any:
        """The application's status; None when there is none. One that a file deploys is waited for until it
        has a board."""
        give_up_s = time.monotonic() + BUILD_S
        while True:
            running = serve.status().applications.get(self.name)
            is_new = (
                running is not None and running.status == "DEPLOYING" and BOARD not in running.deployments
            )
            if not is_new or time.monotonic() > give_up_s:
                return running
            time.sleep(BUILD_LOOK_S)

    def _failure(self, said: str) -> ViewfinderError:
        """Why the replicas did not start: the error of one of them, where there is one."""
        message = said.partition("\n")[0]
        with contextlib.suppress(KeyError):
            node = serve.status().applications[self.name].deployments[NODE]
            errors = re.findall(r"viewfinder\.core\.errors\.\w+: (.+)$", node.message, re.MULTILINE)
            message = errors[-1] if errors else message
        return ViewfinderError(
            f"Ray Serve could not start the replicas: {message}",
            hint="See `ray status` and Serve's logs. Viewfinder and its models must be on each node.",
            code="cluster_failed",
        )

    def _mark(self, settings: Settings) -> str:
        """The same for the same settings and models, as far as replicas go."""
        used = settings.model_dump(
            mode="json",
            include={
                "limits",
                "engine",
                "engine_for",
                "images",
                "fleet",
                "aliases",
                "models",
                "variants",
                "cluster",
            },
        )
        return hashlib.sha256(repr((used, self._named)).encode()).hexdigest()

    def bound(self, settings: Settings, mark: str) -> serve.Application:
        """What Serve deploys."""
        own = settings.cluster
        board = serve.deployment(_MarkedBoard, name=BOARD).options(
            ray_actor_options={"num_cpus": 0}, health_check_period_s=HEALTH_S
        )
        most = most_replicas(settings)
        node = serve.deployment(Node, name=NODE).options(
            max_replicas_per_node=1,
            max_constructor_retry_count=RETRIES,
            max_ongoing_requests=2 * own.target_requests,
            user_config={"mark": mark},
            ray_actor_options={
                "num_cpus": own.cpus,
                "num_gpus": own.gpus,
                **({"memory": self._memory_bytes} if self._memory_bytes else {}),
            },
            autoscaling_config=AutoscalingConfig(
                min_replicas=min(own.replicas, most),
                max_replicas=most,
                target_ongoing_requests=own.target_requests,
                upscale_delay_s=own.add_after_s,
                downscale_delay_s=own.remove_after_s,
                metrics_interval_s=1.0,
                look_back_period_s=max(2.0, min(own.add_after_s, 30.0)),
            ),
            health_check_period_s=HEALTH_S,
            health_check_timeout_s=CHECK_TIMEOUT_S,
            graceful_shutdown_wait_loop_s=0.2,
            graceful_shutdown_timeout_s=settings.fleet.drain_s + STOP_S,
            request_router_config=RequestRouterConfig(
                request_router_class="viewfinder.cluster.router:ModelRouter",
                request_router_kwargs={"target_requests": own.target_requests},
                request_routing_stats_period_s=STATS_S,
            ),
        )
        own_alone: dict[str, Any] = {"api_key": None, "access_log": "", "endpoints": {}, "store_url": None}
        sent = settings.model_copy(update=own_alone)
        return node.bind(self._open_node, sent, self._named, board.bind(mark))


class _MarkedBoard(ClusterBoard):
    """The board, with the mark of the settings that it was deployed with."""

    def __init__(self, mark: str) -> None:
        super().__init__()
        self._mark = mark

    async def mark(self) -> str:
        return self._mark


def most_replicas(settings: Settings) -> int:
    """At most one for each node that is there."""
    nodes = sum(1 for node in ray.nodes() if node["Alive"])
    return max(settings.cluster.most_replicas or nodes, settings.cluster.replicas)
