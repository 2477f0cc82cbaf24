"""Our connection to a running server: used and measured like a process of ours, never started or stopped.

Made by `servers`. It has the methods of `ServerProcess`, but no process that could be inspected.

    method   stopped                        ready
    want     connects, lists its models     -
    stop     -                              closes our connections
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import replace

from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.core.config import RunningServer
from viewfinder.core.errors import EngineDied, EngineRefused, UnknownModel, ViewfinderError
from viewfinder.engines import llama_server
from viewfinder.fleet.process.decision_head import head_at
from viewfinder.fleet.process.life import StartPhase
from viewfinder.fleet.process.restart import Death
from viewfinder.fleet.process.states import State
from viewfinder.fleet.process.template import LLAMA_CPP_PATH, said_at

MODELS_TIMEOUT_S = 10.0


class ConnectedServer:
    """The connection to a running server; `phases_s` stays empty because we did not see its start."""

    is_ours = False
    watched = None
    pid: int | None = None
    is_ending = False
    engine_version = ""
    slots: int | None = None
    ahead = 0
    slot_table = None
    ready_at_s: float | None = None
    starts = 0
    deaths: tuple[Death, ...] = ()

    def __init__(self, card: ModelCard, variant: Variant, server: RunningServer) -> None:
        self.card, self.variant = card, variant
        self.state: State = "stopped"
        self.failure: ViewfinderError | None = None
        self.phases_s: dict[str, float] = {}
        self.on_change: Callable[[], None] = lambda: None
        self._connecting: asyncio.Task[None] | None = None
        self._endpoint = Endpoint(
            server.root,
            api_key=server.api_key,
            model=variant.repo,
            completion_path=llama_server.COMPLETION_PATH,
        )
        self._client: ChatClient | None = None

    @property
    def client(self) -> ChatClient:
        """The connections to the server; RuntimeError before `start`."""
        if self._client is None:
            raise RuntimeError(f"{self.card.name} is not connected")
        return self._client

    def pids(self) -> list[int]:
        """Empty: no process of it is ours."""
        return []

    def want(self) -> None:
        """Begin to connect; `settle` waits for the result."""
        if self._connecting is None or self._connecting.done():
            self._connecting = asyncio.create_task(self._connect())

    async def settle(self) -> None:
        """Return when it is ready, or stopped with a `failure`."""
        if self._connecting is not None:
            await asyncio.wait([self._connecting])

    async def _connect(self) -> None:
        self._to("starting")
        self.failure = None
        try:
            await self.start()
        except ViewfinderError as error:
            self.failure = error
            self._to("stopped")

    def _to(self, state: State) -> None:
        self.state = state
        self.on_change()

    async def start(self, on_phase: Callable[[StartPhase], None] | None = None) -> None:
        """Connect, and check that the server has the model.

        Raises EngineDied when nothing answers, EngineRefused when the server rejects our key, and
        UnknownModel when it lists its models without this one.
        """
        async with contextlib.AsyncExitStack() as stack:
            client = await stack.enter_async_context(ChatClient(self._endpoint))
            known = await models_of(client)
            template = await said_at(client, LLAMA_CPP_PATH)
            takes = llama_server.TAKES if template is not None else {}
            count_path = llama_server.COUNT_PATH if template is not None else ""  # it is llama.cpp's
            head = await head_at(client, llama_server.DECISION_PATH if template is not None else "")
            client.endpoint = replace(
                client.endpoint, template=template, takes=takes, count_path=count_path, decision_path=head
            )
            if known and self.variant.repo not in known:
                raise UnknownModel(
                    f"The server at {self._endpoint} has no model '{self.variant.repo}'.",
                    hint=f"It has: {', '.join(known[:10])}.",
                )
            stack.pop_all()
        self._client = client
        self._to("ready")

    async def stop(self, grace_s: float | None = None) -> None:
        """Close our connections; the server keeps running."""
        client, self._client = self._client, None
        if self._connecting is not None and not self._connecting.done():
            self._connecting.cancel()
            await asyncio.wait([self._connecting])
        self._to("stopped")
        if client is not None:
            await client.close()


async def models_of(client: ChatClient) -> list[str]:
    """The ids of the models that a server lists; empty when it has no such list.

    Raises EngineDied when nothing answers, EngineRefused when the server rejects our key.
    """
    try:
        status, body = await client.get("/v1/models", timeout_s=MODELS_TIMEOUT_S)
    except ViewfinderError as error:
        raise EngineDied(
            f"Nothing answers at {client.endpoint}.",
            hint=f"Start that server, or fix the address. ({error})",
        ) from None
    if status in (401, 403):
        raise EngineRefused(
            f"The server at {client.endpoint} rejects this key.",
            status=status,
            hint="Set its key: VIEWFINDER_ENDPOINT_KEY, or api_key under [endpoints.NAME].",
        )
    try:
        return [str(model["id"]) for model in json.loads(body)["data"]] if status == 200 else []
    except (ValueError, KeyError, TypeError):
        return []
