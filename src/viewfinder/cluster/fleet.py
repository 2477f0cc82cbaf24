"""The fleet of a gateway whose models run on other nodes; opened by `deployment`.

Requests wait, take turns and are refused as on one machine. A lease is the right to send one request to the
replicas: which of them gets it is up to Serve's router. What the replicas report is shown as if it were here.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from typing import Any, Protocol

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.hashes import Hashes
from viewfinder.cluster.client import Replicas
from viewfinder.cluster.messages import NodeReport
from viewfinder.cluster.node_files import known_files
from viewfinder.cluster.server import ReplicatedServer
from viewfinder.core.config import Settings
from viewfinder.core.paths import Folders
from viewfinder.fleet.choice import MeasuredHere
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.process.servers import Server, make_server
from viewfinder.fleet.view import FleetView, NodeView

BOARD_LOOK_S = 0.5
LOOK_TIMEOUT_S = 5.0
STALE_S = 10.0
"""What was last reported is shown for this long while the board does not answer."""
KEPT_IDS = 10_000

_log = logging.getLogger(__name__)


class BoardSeen(Protocol):
    """The board, as a gateway uses it."""

    def look(self, gateway: str) -> Awaitable[tuple[list[NodeReport], list[str]]]: ...
    def order(self, verb: str, model: str) -> Awaitable[int]: ...


class ClusterFleet(Fleet):
    """A fleet whose servers are on the replicas. `redeploy` gives them other settings; `slots` are those of
    all replicas that there may be, for one model."""

    def __init__(
        self,
        catalog: Catalog,
        settings: Settings,
        folders: Folders,
        *,
        measured: MeasuredHere | None,
        replicas: Replicas,
        board: BoardSeen,
        gateway: str,
        slots: int,
        redeploy: Callable[[Catalog, Settings], Awaitable[None]],
    ) -> None:
        super().__init__(catalog, settings, folders, measured=measured, servers=self._server)
        self._replicas, self._board, self._gateway = replicas, board, gateway
        self._slots, self._redeploy = slots, redeploy
        self._hashes = Hashes(folders.state / "hashes.json", folders.state / "pulled.json")
        self._reports: list[NodeReport] = []
        self._reported_s = 0.0
        self._heard: dict[str, int] = {}
        self._ids: dict[str, str] = {}
        self._is_closing = False
        self._tasks: set[asyncio.Task[Any]] = set()

    def begin(self) -> None:
        """Look at the board from now on."""
        self._spawn(self._looking())

    def view(self) -> FleetView:
        """The servers of all nodes, and what waits here."""
        here = super().view()
        nodes = [
            (_name_of(report, self._reports), FleetView.of_json(report.view)) for report in self._reports
        ]
        waits = {one.model: one.waiting for one in here.servers}
        servers = [
            replace(one, node=name, waiting=one.waiting + waits.pop(one.model, 0))
            for name, view in nodes
            for one in view.servers
        ]
        nowhere = [one for one in here.servers if one.model in waits and one.state != "stopped"]
        return FleetView(
            servers=(*servers, *nowhere),
            waiting=here.waiting + sum(view.waiting for _, view in nodes),
            budget_bytes=sum(view.budget_bytes for _, view in nodes),
            planned_bytes=sum(view.planned_bytes for _, view in nodes),
            nodes=tuple(
                _node_view(name, report, view)
                for report, (name, view) in zip(self._reports, nodes, strict=True)
            ),
        )

    def pin(self, model: str, pinned: bool = True) -> None:
        super().pin(model, pinned)
        self._order("pin" if pinned else "unpin", model)

    async def reload(self, catalog: Catalog, settings: Settings, changed: Collection[str]) -> None:
        """The replicas are replaced by such with the new settings, one after the other; requests wait for
        them meanwhile."""
        await self._redeploy(catalog, settings)
        await super().reload(catalog, settings, changed)

    async def close(self) -> None:
        """Stop asking; the replicas keep their models, which other gateways may use."""
        self._is_closing = True
        for task in self._tasks:
            task.cancel()
        await super().close()

    def _server(self, card: ModelCard, variant: Variant, *others: Any, **named: Any) -> Server:
        if variant.server is not None:  # a running server: its address is one of this computer's network
            return make_server(card, variant, *others, **named)
        return ReplicatedServer(
            card,
            variant,
            self._replicas,
            slots=self._slots,
            unload=lambda model: self._order("unload", model),
            noted=self._note,
            retried=lambda model, reason: self.events.emit("replay", model, reason=reason),
            known_files=lambda: known_files(self.catalog, self._hashes, variant),
        )

    def _order(self, verb: str, model: str) -> None:
        if not self._is_closing:
            self._spawn(self._board.order(verb, model))

    def _note(self, call_id: str, answer_id: str) -> None:
        self._ids[call_id] = answer_id
        if len(self._ids) > KEPT_IDS:
            del self._ids[next(iter(self._ids))]

    def _spawn(self, work: Awaitable[Any]) -> None:
        async def done() -> None:
            await work

        task = asyncio.create_task(done())
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            _log.warning("The cluster's board does not answer: %s", error)

    async def _looking(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            with contextlib.suppress(Exception):  # Ray has many, for a board that is just starting again
                reports, _ = await asyncio.wait_for(self._board.look(self._gateway), LOOK_TIMEOUT_S)
                self._reports, self._reported_s = sorted(reports, key=lambda one: one.replica), loop.time()
                for report in reports:
                    self._hear(report)
            if loop.time() - self._reported_s > STALE_S:
                self._reports = []
            await asyncio.sleep(BOARD_LOOK_S)

    def _hear(self, report: NodeReport) -> None:
        """Pass on what happened on a node since its last report, and what its canary said of answers."""
        known = self._heard.get(report.replica)
        fresh = min(report.number - known, len(report.events)) if known is not None else len(report.events)
        self._heard[report.replica] = report.number
        node = _name_of(report, self._reports)
        for event in report.events[len(report.events) - fresh :]:
            if event["kind"] == "suspect":
                continue  # told below, with the ids that clients know
            self.events.emit(event["kind"], event["model"], **{**event["details"], "node": node})
        wrong: dict[str, list[str]] = {}
        for news in report.news:
            answer_id = self._ids.pop(news.call_id, None)
            if answer_id is not None and (name := self.answers.settle(answer_id, news.status, news.reason)):
                wrong.setdefault(name.rpartition("/")[0], []).append(answer_id)
        for model, ids in wrong.items():
            self.events.emit("suspect", model, answers=ids, node=node)


def _name_of(report: NodeReport, reports: list[NodeReport]) -> str:
    """The host, unless several replicas are on it."""
    is_shared = sum(one.host == report.host for one in reports) > 1
    return f"{report.host}/{report.node[:6]}" if is_shared else report.host


def _node_view(name: str, report: NodeReport, view: FleetView) -> NodeView:
    return NodeView(
        name=name,
        host=report.host,
        replica=report.replica,
        models=tuple(sorted({one.model for one in view.servers if one.state == "ready"})),
        leases=sum(one.leases for one in view.servers),
        waiting=view.waiting,
        budget_bytes=view.budget_bytes,
        planned_bytes=view.planned_bytes,
        memory_bytes=sum(one.memory_bytes or 0 for one in view.servers),
        refused=dict(report.refused),
    )
