"""A replica: the fleet of its node, asked by the gateways. Made by `deployment`; knows nothing of Ray.

Its fleet is that of `viewfinder serve`: the same warden, canary and memory plan. When the replica dies, the
warden's pipe closes and the engines die with it.
"""

import asyncio
import contextlib
import logging
import socket
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, aclosing
from dataclasses import asdict
from typing import Any, Protocol

import orjson

from viewfinder.catalog.hashes import Hashes
from viewfinder.client.chat import CHAT_PATH
from viewfinder.cluster.messages import (
    Failed,
    KnownFiles,
    News,
    NodeReport,
    Opened,
    ReplicaOrder,
    ReplicaRequest,
)
from viewfinder.cluster.node_files import NodeFiles
from viewfinder.cluster.prompts import prompt_of_body
from viewfinder.core import paths
from viewfinder.core.errors import EngineQuarantined, ModelFilesError, ViewfinderError
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.process.lease import Lease
from viewfinder.fleet.record.events import Event

REPORT_S = 0.5
REPORT_TIMEOUT_S = 5.0
REPORTED_EVENTS = 50
NEWS_S = 10.0
"""For how long the reports have what the canary said of an answer: gateways look more often."""
KEPT_UNSETTLED = 10_000
WRONG_CANARIES = 2
"""After this many wrong canaries of a model in a row, a fresh process included, the replica is replaced."""

_log = logging.getLogger(__name__)

OpenNodeFleet = Callable[[], AbstractAsyncContextManager[Fleet]]
EnginePieces = AsyncGenerator[bytes | Failed, None]


class BoardAt(Protocol):
    """The board, wherever it runs."""

    def report(self, report: NodeReport, since: int) -> Awaitable[list[ReplicaOrder]]: ...
    def leave(self, replica: str) -> Awaitable[None]: ...
    def now(self) -> Awaitable[int]: ...


class NodeFleet:
    """The fleet of one node; use it from one event loop, between `open` and `close`.

    `preload` are models to load at once, with what is known of their files. `replica` and `node` are its
    names for people.
    """

    def __init__(
        self,
        open_fleet: OpenNodeFleet,
        board: BoardAt,
        preload: Mapping[str, KnownFiles | None],
        replica: str,
        node: str,
    ) -> None:
        self._open_fleet, self._board, self._preload = open_fleet, board, preload
        self._replica, self._node = replica, node
        self._stack = contextlib.AsyncExitStack()
        self._tasks: set[asyncio.Task[None]] = set()
        self._events: deque[dict[str, Any]] = deque(maxlen=REPORTED_EVENTS)
        self._event_count, self._since = 0, 0
        self._unsettled: dict[str, None] = {}
        self._news: deque[tuple[float, News]] = deque(maxlen=KEPT_UNSETTLED)
        self._wrong: Counter[str] = Counter()
        self.fleet: Fleet
        self._files: NodeFiles

    async def open(self) -> None:
        """Open the fleet and load the first models; those that fail say so at their first request."""
        self.fleet = await self._stack.enter_async_context(self._open_fleet())
        self.fleet.events.listen(self._hear)
        hashes = Hashes(paths.home() / "hashes.json")
        self._files = NodeFiles(self.fleet, hashes, self._tell_refused)
        with contextlib.suppress(Exception):
            self._since = await self._board.now()
        self._begin(self._reporting())
        for name, files in self._preload.items():
            try:
                await self._files.require(name, files)
                await self.fleet.load(name)
            except ViewfinderError as error:
                _log.error("%s", error)

    async def close(self) -> None:
        """Stop every engine."""
        for task in self._tasks:
            task.cancel()
        await self._stack.aclose()
        with contextlib.suppress(Exception):
            await asyncio.wait_for(self._board.leave(self._replica), REPORT_TIMEOUT_S)

    def check(self) -> None:
        """Raise EngineQuarantined when a model failed its canary again after its process was replaced."""
        for model, wrong in self._wrong.items():
            if wrong >= WRONG_CANARIES:
                raise EngineQuarantined(f"'{model}' fails its canary on {self._node}, in a new process, too.")

    def models(self) -> list[str]:
        """The names of the models that are up or start."""
        up = ("ready", "starting", "backoff")
        return sorted({one.model for one in self.fleet.view().servers if one.state in up})

    def refused(self) -> list[str]:
        """The names of the models that the files of this node do not allow."""
        return sorted(self._files.refused())

    async def load(self, model: str, files: KnownFiles | None = None) -> Opened | Failed:
        """Load a model, and say what the gateway must know of its engine."""
        try:
            await self._files.require(model, files)
            async with await self.fleet.acquire(model) as lease:
                return _opened(lease)
        except ViewfinderError as error:
            return self._failed(error)

    async def answer(self, asked: ReplicaRequest) -> EnginePieces:
        """What an engine sends: the chunks of a stream, or one whole reply, as JSON. An error comes last."""
        whole = None
        try:
            await self._files.require(asked.model, asked.files)
            body = orjson.loads(asked.body)
            prompt = prompt_of_body(body, asked.shape) if asked.path == CHAT_PATH else ()
            async with await self.fleet.acquire(asked.model, asked.shape, asked.client, prompt) as lease:
                if lease.slot is not None:
                    body["id_slot"] = lease.slot
                async with aclosing(self._pieces(lease, body, asked)) as pieces:
                    async for piece in pieces:
                        lease.check()
                        if not asked.stream:
                            whole = piece
                            continue
                        lease.begin_delivery()
                        yield piece
                        lease.end_delivery()
                lease.check()
                self._note(lease, asked.call_id)
        except ViewfinderError as error:
            yield self._failed(error)
            return
        if whole is not None:  # not before: the gateway stops listening when it has it
            yield whole

    def _failed(self, error: ViewfinderError) -> Failed:
        return Failed.of(error, unfit=self._replica if isinstance(error, ModelFilesError) else "")

    def _tell_refused(self, model: str, reason: str) -> None:
        self.fleet.events.emit("files", model, reason=reason)

    async def _pieces(
        self, lease: Lease, body: dict[str, Any], asked: ReplicaRequest
    ) -> AsyncGenerator[bytes, None]:
        try:
            if not asked.stream:
                whole = await lease.client.complete(body, asked.path)
                lease.chunk_arrived()
                yield orjson.dumps(whole)
                return
            async with aclosing(lease.client.stream(body, asked.path)) as chunks:
                async for chunk in chunks:
                    lease.chunk_arrived()
                    yield orjson.dumps(chunk)
        except ViewfinderError as error:
            failure = lease.revoked or error
            await lease.report(failure)
            raise failure from None

    def _note(self, lease: Lease, call_id: str) -> None:
        lease.answered(call_id)
        self._unsettled[call_id] = None
        if len(self._unsettled) > KEPT_UNSETTLED:
            del self._unsettled[next(iter(self._unsettled))]

    def _hear(self, event: Event) -> None:
        self._event_count += 1
        self._events.append(asdict(event))
        if event.kind == "canary":
            self._wrong[event.model] = 0 if event.details.get("good") else self._wrong[event.model] + 1

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _reporting(self) -> None:
        """Report, and obey; while the board is away, nothing is lost."""
        while True:
            report = self._report()
            try:
                sent = self._board.report(report, self._since)
                orders = await asyncio.wait_for(sent, REPORT_TIMEOUT_S)
            except asyncio.CancelledError:
                raise
            except Exception as error:  # Ray has many, for one that is just starting again
                _log.info("The board does not answer: %s", error)
                orders = []
            for order in orders:
                self._since = order.number
                self._begin(self._obey(order))
            await asyncio.sleep(REPORT_S)

    def _report(self) -> NodeReport:
        self._collect_news()
        return NodeReport(
            replica=self._replica,
            node=self._node,
            host=socket.gethostname(),
            view=self.fleet.view().as_json(),
            number=self._event_count,
            events=tuple(self._events),
            news=tuple(news for _, news in self._news),
            refused=self._files.refused(),
        )

    def _collect_news(self) -> None:
        now_s = time.monotonic()
        while self._news and now_s - self._news[0][0] > NEWS_S:
            self._news.popleft()
        for call_id in [*self._unsettled]:
            known = self.fleet.answers.get(call_id)
            if known is None or known.status != "unconfirmed":
                del self._unsettled[call_id]
            if known is not None and known.status != "unconfirmed":
                self._news.append((now_s, News(call_id, known.status, known.reason)))

    async def _obey(self, order: ReplicaOrder) -> None:
        with contextlib.suppress(ViewfinderError):
            if order.verb == "unload":
                await self.fleet.unload(order.model)
            else:
                self.fleet.pin(order.model, order.verb == "pin")


def _opened(lease: Lease) -> Opened:
    endpoint, server = lease.client.endpoint, lease.server
    return Opened(
        variant=server.variant.name,
        engine_version=server.engine_version,
        phases_s=dict(server.phases_s),
        lacks=endpoint.lacks,
        takes=dict(endpoint.takes),
        template=endpoint.template,
        count_path=endpoint.count_path,
        completion_path=endpoint.completion_path,
        decision_path=endpoint.decision_path,
    )
