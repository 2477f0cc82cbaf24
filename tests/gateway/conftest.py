"""A gateway on a real port, over a faulty engine on a real Unix socket."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.core.config import Settings
from viewfinder.core.errors import EngineDied, EngineMissing, UnknownModel, ViewfinderError
from viewfinder.fleet.image_budget import ImageBudgets
from viewfinder.fleet.process.lease import Lease
from viewfinder.fleet.record.answers import Answers
from viewfinder.fleet.record.events import Events
from viewfinder.fleet.record.request_shape import RequestShape
from viewfinder.fleet.view import FleetView, ServerView
from viewfinder.gateway.app import make_app
from viewfinder.gateway.auto import AutoModels
from viewfinder.gateway.connection import Terms
from viewfinder.gateway.kept import KeptTurns
from viewfinder.gateway.keys import KeyFile
from viewfinder.gateway.listen import serve
from viewfinder.gateway.page_routes import Pages
from viewfinder.host.sockets import Bound, bind_port, url
from viewfinder.media.intake import Intake

from .faulty import REFUSALS, USAGE, WORDS, broken, continue_text, decide_itself, first_token

COUNT = 4711
COUNT_PATH = "/count"
COMPLETION_PATH = "/continue"


class Engine:
    """Speaks OpenAI's API as engines do, and does what the last message orders."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.counted: list[dict[str, Any]] = []
        self.continued: list[dict[str, Any]] = []
        self.headed: list[dict[str, Any]] = []
        """What its decision head was asked."""
        self.abandoned = asyncio.Event()
        """Set when a client disconnected before the end of the answer."""
        self.proceed = asyncio.Event()
        """What a waiting answer waits for."""
        self.likely: Callable[[dict[str, Any]], Awaitable[Mapping[str, float]]] | None = None
        """The probabilities of the first token of an answer, where those of tokens are wanted."""

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        order = text_of(body["messages"][-1])
        try:
            return await self.obey(order, body, request)
        except asyncio.CancelledError:
            self.abandoned.set()
            raise

    async def obey(self, order: str, body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        if order == "die" or (order == "die once" and len(self.asked) == 1):
            return broken(request)
        if order in REFUSALS:
            status, error = REFUSALS[order]
            return web.json_response({"error": error}, status=status)
        if order in ("say nothing", "say nothing, cut"):
            return await self.say_nothing("length" if "cut" in order else "stop", body, request)
        if order == "garbage":
            return web.Response(text="<html>", content_type="text/html")
        if order == "wait":
            await self.proceed.wait()
        if body.get("stream"):
            return await self.stream(order, body, request)
        return web.json_response(await self.whole(body))

    async def whole(self, body: dict[str, Any]) -> dict[str, Any]:
        if body.get("logprobs") and self.likely is not None:
            return first_token(await self.likely(body))
        message = {"role": "assistant", "content": "".join(WORDS)}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        return {"choices": [choice], "usage": USAGE, "timings": {"slot": 1}}

    async def count(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.counted.append(body)
        order = text_of(body["messages"][-1])
        if order == "die" or (order == "die once" and len(self.counted) == 1):
            return broken(request)
        if order in REFUSALS:
            status, error = REFUSALS[order]
            return web.json_response({"error": error}, status=status)
        if order == "have no such path":
            raise web.HTTPNotFound
        said = {"count garbage": "many", "count less than nothing": -1}.get(order, COUNT)
        return web.json_response({"object": "response.input_tokens", "input_tokens": said})

    async def say_nothing(
        self, finish_reason: str, body: dict[str, Any], request: web.Request
    ) -> web.StreamResponse:
        if not body.get("stream"):
            choice = {"index": 0, "message": {"content": ""}, "finish_reason": finish_reason}
            return web.json_response({"choices": [choice], "usage": USAGE})
        reply = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await reply.prepare(request)
        await reply.write(chunk({"role": "assistant", "content": None}))
        await reply.write(chunk({}, finish_reason=finish_reason, usage=USAGE))
        await reply.write(b"data: [DONE]\n\n")
        return reply

    async def stream(self, order: str, body: dict[str, Any], request: web.Request) -> web.StreamResponse:
        reply = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await reply.prepare(request)
        await reply.write(chunk({"role": "assistant", "content": None}))
        if order == "die before the first word once" and len(self.asked) == 1:
            return broken(request)
        for word in WORDS:
            await reply.write(chunk({"role": "assistant", "content": word}))
            if order == "die in the middle":
                return broken(request)
            if order == "error in the middle":
                await self.proceed.wait()
                await reply.write(b'data: {"error": {"code": 500, "message": "boom"}}\n\n')
                return reply
            if order == "wait in the middle":
                await self.proceed.wait()
        if (body.get("stream_options") or {}).get("include_usage"):  # as llama.cpp reports it
            await reply.write(chunk({}, finish_reason="stop", timings={"slot": 1}))
            await reply.write(f'data: {{"choices": [], "usage": {json.dumps(USAGE)}}}\n\n'.encode())
        else:  # as others do, requested or not
            await reply.write(chunk({}, finish_reason="stop", usage=USAGE))
        await reply.write(b"data: [DONE]\n\n")
        return reply


def chunk(delta: dict[str, Any], finish_reason: str | None = None, **more: Any) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    return f"data: {json.dumps({'choices': [choice], **more})}\n\n".encode()


def text_of(message: dict[str, Any]) -> str:
    content = message["content"]
    if isinstance(content, str):
        return content
    return next((part["text"] for part in content if part["type"] == "text"), "")


def card(name: str, *, text: bool = True, vision: bool = True, images: int | None = None) -> ModelCard:
    variant = Variant(
        name="faulty",
        engine="llama.cpp",  # whose rules for the context apply; nothing of it is started
        repo=f"tests/{name}",
        model=Path("x"),
        text=text,
        vision=vision,
        images=images,
    )
    return ModelCard(name=name, title=name.title(), license="MIT", summary="A test.", variants=(variant,))


@dataclass
class Names:
    """What the gateway asks a catalog."""

    aliases: dict[str, str]

    def meant(self, name: str) -> str:
        return self.aliases.get(name, name)

    def other_names(self) -> dict[str, str]:
        return self.aliases

    def written_s(self, variant: Variant) -> int:
        return 1_700_000_000


@dataclass
class Fleet:
    """One engine for every model; counts the leases that the gateway takes and releases."""

    client: ChatClient
    loads: list[str] = field(default_factory=list)
    leases: int = 0
    reported: list[str] = field(default_factory=list)
    shapes: list[RequestShape] = field(default_factory=list)
    events: Events = field(default_factory=Events)
    answers: Answers = field(default_factory=Answers)
    loadable: asyncio.Event = field(default_factory=asyncio.Event)
    pinned: set[str] = field(default_factory=set)
    catalog: "Names" = field(default_factory=lambda: Names({}))
    broken: dict[str, ViewfinderError] = field(default_factory=dict)
    """Models that give no lease, and why."""
    image_budgets: Any = None
    states: dict[str, str] = field(default_factory=dict)
    """Of models that are neither stopped nor ready."""

    models = (
        card("both"),
        card("blind", vision=False),
        card("eyes", text=False),
        card("one-eye", images=1),
        card("unloadable"),
        card("uninstalled"),
    )

    def cards(self) -> list[ModelCard]:
        return list(self.models)

    def card(self, model: str) -> ModelCard:
        for known in self.models:
            if known.name == self.catalog.meant(model):
                return known
        raise UnknownModel(f"There is no model named '{model}'.", hint="Look again.", param="model")

    def variant_of(self, model: str) -> Variant:
        if model == "uninstalled":
            raise EngineMissing("No engine that runs 'uninstalled' is installed.", hint="Run: pip.")
        return self.card(model).variant()

    def server_of(self, model: str) -> Any:
        server = SimpleNamespace(slots=3, state="ready", client=self.client, engine_version="1", watched=None)
        return server if model in self.loads else None

    def state_of(self, model: str) -> str:
        return self.states.get(model) or ("ready" if model in self.loads else "stopped")

    def view(self) -> FleetView:
        servers = tuple(self.view_of(name) for name in dict.fromkeys(self.loads))
        return FleetView(servers, waiting=2, budget_bytes=10**9, planned_bytes=10**8)

    def view_of(self, model: str) -> ServerView:
        return ServerView(
            model=model,
            variant="llama.cpp-f16",
            engine="llama.cpp",
            engine_version="1",
            state="ready",
            verified=True,
            reason="",
            pid=4711,
            leases=self.leases,
            waiting=0,
            pinned=model in self.pinned,
            memory_bytes=12_345_678,
            need_bytes=None,
            starts=2,
            restarts=1,
            deaths=1,
            up_s=61.0,
            idle_s=None,
        )

    async def load(self, model: str) -> None:
        async with await self.acquire(model, RequestShape()):
            return

    async def unload(self, model: str, why: str = "asked") -> None:
        self.loads = [name for name in self.loads if name != model]
        self.events.emit("unload", model, why=why)

    def pin(self, model: str, pinned: bool) -> None:
        (self.pinned.add if pinned else self.pinned.discard)(model)

    def lease(self) -> Lease:
        async def report(lease: Lease, error: ViewfinderError) -> None:
            self.reported.append(error.reason)

        def give_back(lease: Lease) -> None:
            self.leases -= 1

        def answered(answer_id: str) -> None:
            self.answers.note("both", answer_id)

        self.leases += 1
        server: Any = SimpleNamespace(client=self.client, card=self.models[0])
        return Lease(server, RequestShape(), give_back=give_back, report=report, answered=answered)

    async def acquire(self, model: str, shape: RequestShape, client: str = "", prompt: Any = ()) -> Lease:
        self.shapes.append(shape)
        self.loads.append(model)
        if model == "unloadable":
            raise EngineDied("The engine died while loading.", hint="Its log says why.")
        if error := self.broken.get(model):
            self.loads.remove(model)
            raise error
        await self.loadable.wait()
        return self.lease()


@dataclass
class Gateway:
    """A running gateway: its address, and a client that is not OpenAI's."""

    url: str
    bound: Bound
    fleet: Fleet
    engine: Engine
    http: aiohttp.ClientSession
    stop: asyncio.Event
    serving: asyncio.Task[None]

    def post(self, order: str, *, model: str = "both", **more: Any) -> Any:
        body = {"model": model, "messages": [{"role": "user", "content": order}], **more}
        return self.http.post(f"{self.url}/v1/chat/completions", json=body)


Start = Callable[..., Awaitable[Gateway]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Starts a gateway with the given settings."""
    async with contextlib.AsyncExitStack() as stack:
        engine = Engine()
        app = web.Application()
        app.router.add_post("/v1/chat/completions", engine.chat)
        app.router.add_post(COUNT_PATH, engine.count)
        app.router.add_post("/v1/systemone", partial(decide_itself, engine))
        app.router.add_post(COMPLETION_PATH, partial(continue_text, engine))
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        socket = tmp_path / "engine.sock"
        await web.UnixSite(runner, str(socket)).start()
        endpoint = Endpoint(
            "http://engine", socket=socket, count_path=COUNT_PATH, completion_path=COMPLETION_PATH
        )
        client = await stack.enter_async_context(ChatClient(endpoint))
        http = await stack.enter_async_context(aiohttp.ClientSession())

        async def started(
            *,
            drain_s: int = 1,
            keys: KeyFile | None = None,
            terms: Terms | None = None,
            kept: KeptTurns | None = None,
            pages: Pages | None = None,
            auto: AutoModels | None = None,
            **given: Any,
        ) -> Gateway:
            settings = Settings(port=0, **given)
            fleet = Fleet(client, catalog=Names(settings.aliases))
            fleet.image_budgets = ImageBudgets(tmp_path, lambda: settings)
            fleet.loadable.set()
            intake = await stack.enter_async_context(Intake(settings.limits))
            bound = bind_port(settings.host, settings.port, strict=True)
            stop, listening = asyncio.Event(), asyncio.Event()
            serving = asyncio.create_task(
                serve(
                    make_app(fleet, intake, settings, "1.2.3", keys=keys, kept=kept, pages=pages, auto=auto),
                    bound,
                    settings,
                    stop=stop,
                    drain_s=drain_s,
                    on_listening=listening.set,
                    terms=terms,
                )
            )

            async def stopped() -> None:
                stop.set()
                await asyncio.wait([serving])

            stack.push_async_callback(stopped)
            waiting = asyncio.create_task(listening.wait())
            await asyncio.wait({waiting, serving}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            return Gateway(url(bound.host, bound.port), bound, fleet, engine, http, stop, serving)

        yield started


@pytest.fixture
async def gateway(start: Start) -> Gateway:
    return await start()
