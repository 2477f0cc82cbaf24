"""A computer with engines that fail on demand, below the real fleet: no process, no socket, no waiting.

Everything from `gateway/relay` to `fleet/life` is the real thing; in entry of `host/child` and of the network
stands what is here. Used by `test_machine` and by other tests on the virtual clock.
"""

import asyncio
import itertools
import logging
import math
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Iterator
from contextlib import ExitStack, aclosing, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal, Self
from unittest import mock

import orjson

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import ModelFiles
from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.errors import EngineDied, EngineRefused, EngineStalled
from viewfinder.engines.base import Engine, Installed, Launch
from viewfinder.fleet.health.canary import candidates
from viewfinder.fleet.health.upgrade_requests import known_requests
from viewfinder.fleet.process.servers import Server, make_server
from viewfinder.host.activity import Activity
from viewfinder.host.child import ChildSpec, Exit
from viewfinder.host.power import Power
from viewfinder.scenes.messages import Message
from viewfinder.wire.sse import event

from .fake_catalog import FakeCatalog

Fate = Literal["good", "slow", "dies", "hangs", "cannot spawn", "vanished", "dies when ready", "ignores TERM"]
"""What becomes of an engine that is started."""
FATES: tuple[Fate, ...] = (
    "good", "slow", "dies", "hangs", "cannot spawn", "vanished", "dies when ready", "ignores TERM",
)  # fmt: skip
GB = 1_000_000_000
HOLDS = {"a": int(0.9 * GB), "b": int(0.9 * GB), "c": int(1.7 * GB)}
"""Of a budget of 2 GB: a and b fit together, c alone."""
COMPUTER_BYTES = 64 * GB
SLOW_S = 20.0
FIRST_PID = 1 << 30
"""No system gives such pids: nobody real is looked at."""


@dataclass(eq=False)
class FakeChild:
    """Stands for `host.child.Child`: an engine, as far as a supervisor can tell."""

    spec: ChildSpec
    fate: Fate
    pid: int
    memory_bytes: int
    exit: Exit | None = None
    output_bytes: int = 0
    is_wedged: bool = False
    is_corrupt: bool = False
    """Whether it gets images and everything else wrong."""
    uses_a_core: bool = False
    """Whether it does so at any time, also while it is wedged."""
    is_sick: bool = False
    """Whether it refuses every request."""
    word_s: float = 0.05
    wording: str = "."
    """How it ends its answers to the requests of a mini-bench."""
    busy: int = 0
    most_busy: int = 0
    computing: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    born_s: float = 0.0
    died_s: float = math.inf

    @property
    def variant(self) -> str:
        return self.spec.argv[1]

    @property
    def last_output_s(self) -> float:
        talks = self.fate == "slow" and not self.is_wedged
        return min(time.monotonic(), self.born_s + SLOW_S) if talks else self.born_s

    @property
    def is_ready(self) -> bool:
        return self.fate != "hangs" and time.monotonic() - self.born_s >= (
            SLOW_S if self.fate == "slow" else 0.2
        )

    def pids(self) -> list[int]:
        return [] if self.exit else [self.pid]

    def keep_only(self, kept: Callable[[str], str]) -> None:
        assert kept("its last words") == ""

    async def prints(self, within_s: float) -> None:
        await asyncio.sleep(within_s)

    def tail(self, lines: int = 20) -> str:
        return "its last words"

    def die(self, code: int | None = None, signal: int | None = None, *, stopped: bool = False) -> None:
        if self.exit is None:
            self.exit, self.died_s = Exit(code, signal, stopped), time.monotonic()
            self.tell()

    def tell(self) -> None:
        """Wake up whoever waits for this engine."""
        self.changed.set()
        self.changed = asyncio.Event()

    async def wait(self) -> Exit:
        while self.exit is None:
            await self.changed.wait()
        return self.exit

    async def stop(self, grace_s: float | None = None) -> Exit:
        grace_s = self.spec.grace_s if grace_s is None else grace_s
        takes_s = grace_s if self.fate == "ignores TERM" else min(grace_s, 0.05)
        asyncio.get_running_loop().call_later(takes_s + 0.01, lambda: self.die(signal=15, stopped=True))
        return await self.wait()

    def signs(self) -> Activity:
        """In entry of `host/activity`: it computes while it writes, not while a client is slow to read."""
        now_s = time.monotonic()
        works = self.uses_a_core or (self.computing and not self.is_wedged)
        return Activity(now_s, now_s if works else 0.0, self.output_bytes, 0)


@dataclass
class FakeReply:
    """Stands for a reply of which these chunks come."""

    chunks: AsyncGenerator[dict[str, Any], None]
    status: int = 200

    async def pieces(self) -> AsyncGenerator[tuple[float, bytes], None]:
        async with aclosing(self.chunks):
            async for chunk in self.chunks:
                yield time.monotonic(), event(orjson.dumps(chunk))

    async def feed_to(self, listener: Callable[[float, bytes], bool]) -> None:
        async with aclosing(self.pieces()) as pieces:
            async for piece in pieces:
                listener(*piece)


class FakeClient(ChatClient):
    """Stands for the connections to a FakeChild; what is asked is answered with who answers whom."""

    child: FakeChild

    async def __aenter__(self) -> Self:
        return self

    async def close(self) -> None:
        self._closed = True
        self.child.tell()

    async def get(self, path: str, timeout_s: float) -> tuple[int, bytes]:
        child = self.child
        if path == "/slots":
            return 404, b""
        if child.fate == "dies" and time.monotonic() - child.born_s > 0.1:
            child.die(code=3)
        try:
            async with asyncio.timeout(timeout_s):
                await self._pause(0.001)
        except TimeoutError:
            raise EngineStalled("The server went silent.") from None
        if not child.is_ready or child.is_sick:
            return 503, b""
        if child.fate == "dies when ready":
            asyncio.get_running_loop().call_later(1.0, lambda: child.die(signal=11))
        return 200, b""

    async def complete(self, body: dict[str, Any], path: str = "") -> dict[str, Any]:
        chunks = [chunk async for chunk in self.stream(body)]
        text = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
        message = {"role": "assistant", "content": text}
        return {"choices": [{"message": message, "finish_reason": "stop"}], "usage": {}}

    @asynccontextmanager
    async def _streamed(self, body: dict[str, Any], path: str = "") -> AsyncIterator[Any]:
        yield FakeReply(self._chunks(body))

    async def _chunks(self, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        child = self.child
        child.busy += "asks" in body
        child.most_busy = max(child.busy, child.most_busy)
        try:
            for word in self._words(body):
                child.computing += 1
                try:
                    await self._pause(child.word_s)
                finally:
                    child.computing -= 1
                if child.is_sick:
                    raise EngineRefused("The server refused: it is sick.", status=500)
                delta = {"content": word}
                yield {"choices": [{"delta": delta, "finish_reason": None}]}
            yield {"choices": [{"delta": {}, "finish_reason": "stop"}]}
        finally:
            child.busy -= "asks" in body

    def _words(self, body: dict[str, Any]) -> Iterator[str]:
        if "asks" in body:
            for number in range(body["words"]):
                yield f"{self.child.pid}:{body['asks']}:{number} "
        elif "max_tokens" in body and body["max_tokens"] == 1:  # the watchdog's probe
            yield "Hi"
        else:
            yield from self._known(body["messages"][0])

    def _known(self, message: Message) -> Iterator[str]:
        """The answer to a known image or request."""
        for one in candidates():
            if one.message is message:
                yield "I cannot tell." if self.child.is_corrupt else one.question.answer
                return
        (known,) = [one for one in known_requests(vision=True) if one.body["messages"][0] is message]
        yield from ("It is ", known.name, self.child.wording)

    async def _pause(self, seconds: float) -> None:
        """Work for so long; for ever when the engine is wedged, and to its end when it dies."""
        until_s = time.monotonic() + seconds
        while True:
            if self._closed or self.child.exit is not None:
                raise EngineDied("The connection broke.")
            left_s = until_s - time.monotonic()
            if left_s <= 0 and not self.child.is_wedged:
                return
            changed = self.child.changed
            try:
                async with asyncio.timeout(None if self.child.is_wedged else left_s):
                    await changed.wait()
            except TimeoutError:
                pass


class FakeEngine(Engine):
    """An engine whose every program is a FakeChild."""

    name, install = "fake", "pip install fake"

    def __init__(self) -> None:
        self.launches = 0
        self.version_here = "1"
        self.queues_in_order = False

    def find(self) -> Installed:
        return Installed(self.version_here, Path())

    def launch(self, variant: Variant, files: ModelFiles, settings: EngineSettings, socket: Path) -> Launch:
        self.launches += 1
        return Launch(("fake", variant.name), {}, slots=settings.slots, queues_in_order=self.queues_in_order)


class World:
    """The engines that live and have lived, and what happens to the next ones."""

    def __init__(self, folder: Path, holds: dict[str, int]) -> None:
        self.folder, self.holds = folder, holds
        self.catalog = FakeCatalog(folder, holds)
        self.engine = FakeEngine()
        self.children: list[FakeChild] = []
        self.fates: dict[str, Fate] = {}
        """By model, of all its engines to come."""
        self.next_fate: dict[str, Fate] = {}
        """By model, of the next alone."""
        self.choice: dict[str, int] = {}
        """By model: which of its variants is chosen now."""
        self.corrupt: set[str] = set()
        """Models whose engines to come get everything wrong."""
        self.word_s, self.wording = 0.05, "."
        """Of all engines to come."""
        self.in_use, self.power = 0.0, Power()
        """How much of the computer other programs use, and its source of power."""
        self.returns_after_s = 0.0
        """How long the system takes to get back what the dead held."""
        self.problems: list[str] = []
        """What a test must not see: errors that were only logged, two engines of one model, and the like."""
        self._sockets: dict[str, FakeChild] = {}
        self._pids = itertools.count(FIRST_PID)

    def alive(self, model: str = "") -> list[FakeChild]:
        """The engines that run, or those of one model."""
        return [one for one in self.children if one.exit is None and model in ("", one.spec.runs)]

    def signed(self, pid: int) -> FakeChild:
        """Who said it."""
        return next(child for child in self.children if child.pid == pid)

    async def start_child(self, spec: ChildSpec) -> FakeChild:
        fate = self.next_fate.pop(spec.runs, self.fates.get(spec.runs, "good"))
        await asyncio.sleep(0.01)
        if fate == "cannot spawn":
            raise EngineDied("The program 'fake' could not be started: Cannot allocate memory.")
        if fate == "vanished":
            raise EngineDied("The warden of 'fake' died at once.")
        if self.alive(spec.runs):
            self.problems.append(f"two engines of '{spec.runs}'")
        child = FakeChild(spec, fate, next(self._pids), self.holds[spec.runs], born_s=time.monotonic())
        child.is_corrupt = spec.runs in self.corrupt
        child.word_s, child.wording = self.word_s, self.wording
        self.children.append(child)
        assert spec.record is not None
        self._sockets[spec.record.stem] = child
        return child

    def client(self, endpoint: Endpoint) -> FakeClient:
        client = FakeClient(endpoint)
        assert endpoint.socket is not None
        client.child = self._sockets[endpoint.socket.stem]
        return client

    def measure(self, pids: list[int]) -> SimpleNamespace:
        return SimpleNamespace(footprint_bytes=self._held(pids))

    def _held(self, pids: Collection[int]) -> int:
        return sum(child.memory_bytes for child in self.alive() if child.pid in pids)

    def _memory(self) -> SimpleNamespace:
        now_s = time.monotonic()
        held = sum(one.memory_bytes for one in self.children if now_s < one.died_s + self.returns_after_s)
        return SimpleNamespace(total=COMPUTER_BYTES, available=COMPUTER_BYTES - held)

    def _machine_s(self) -> tuple[float, float]:
        return self.in_use * time.monotonic(), (1 - self.in_use) * time.monotonic()

    def _choose(self, card: ModelCard, *_: object) -> tuple[Variant, FakeEngine]:
        return card.variants[self.choice.get(card.name, 0)], self.engine

    @contextmanager
    def below_the_fleet(self) -> Iterator[Self]:
        """While it lasts, fleets run on this computer."""
        life, watchdog = "viewfinder.fleet.process.life", "viewfinder.fleet.health.watchdog"
        upgrades = "viewfinder.fleet.health.upgrade_checks"
        heard = _Heard(self.problems)
        with ExitStack() as stack:
            for entry, stand_in in (
                (f"{life}.Child", SimpleNamespace(start=self.start_child)),
                (f"{life}.ChatClient", self.client),
                (f"{watchdog}.measure_tree", self.measure),
                (f"{watchdog}.high_water_bytes", self._held),
                (f"{watchdog}.read_activity", FakeChild.signs),
                ("viewfinder.fleet.health.canary_checks.read_activity", FakeChild.signs),
                (f"{upgrades}.own_work_s", lambda: 0.01),
                (f"{upgrades}.read_power", lambda: self.power),
                (f"{upgrades}.read_machine_s", self._machine_s),
                ("viewfinder.host.disturbance.read_machine_s", self._machine_s),
                (f"{watchdog}.psutil.virtual_memory", self._memory),
                ("viewfinder.fleet.fleet.choose_variant", self._choose),
                ("viewfinder.fleet.fleet.make_server", _without_chance),
            ):
                stack.enter_context(mock.patch(entry, stand_in))
            logging.getLogger("viewfinder").addHandler(heard)
            stack.callback(logging.getLogger("viewfinder").removeHandler, heard)
            yield self


def _without_chance(*words: Any, **more: Any) -> Server:
    server = make_server(*words, **more)
    server._rng = random.Random(0)
    return server


class _Heard(logging.Handler):
    """Errors that no caller sees are problems all the same."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._problems = problems

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or " check failed" in record.getMessage():
            self._problems.append(logging.Formatter().format(record))
