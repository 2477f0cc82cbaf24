"""Serves the gateway on a bound socket, and the control API on a Unix socket; called by api."""

import asyncio
import contextlib
import ipaddress
import math
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from typing import cast

import uvicorn
from pydantic import SecretStr
from starlette.types import ASGIApp

from viewfinder.core.config import LOOPBACK_HOSTS, Limits, Settings
from viewfinder.core.errors import BadRequest
from viewfinder.core.settings_files import trusted_place
from viewfinder.gateway.connection import Connection, Terms, look_at_readers
from viewfinder.gateway.incoming import Incoming
from viewfinder.gateway.keys import KeyFile
from viewfinder.gateway.listener import Listener
from viewfinder.host.sockets import Bound

KEEP_ALIVE_S = 30
"""Longer than the clients' own limits (httpx 5 s, aiohttp 15 s): then clients close idle connections, and no
connection is closed just as a request arrives on it."""

LAST_WORD_S = 1.0
"""How long a request that is cut off has to send its error."""

CONTROL = Limits(receive_timeout_s=10.0)
"""The limits of control requests, which come from this computer."""


async def serve(
    app: ASGIApp,
    bound: Bound,
    settings: Settings,
    *,
    stop: asyncio.Event,
    drain_s: float = 10.0,
    on_listening: Callable[[], None] | None = None,
    keys: KeyFile | None = None,
    terms: Terms | None = None,
) -> None:
    """Serve `app` until `stop` is set, which the caller does in its signal handlers.

    Then no new connection is taken, requests in progress have `drain_s` to finish, and the rest are cut off
    with an error. Cancelling the call cuts them off at once (a second signal). Either way the socket is
    closed when this returns. `on_listening` is called once connections are taken. Raises BadRequest when
    the address is not loopback and there is no key, neither in the settings nor among `keys`. `terms` are
    the limits of its connections and the time to drain, which may change meanwhile; without it, those given.
    """
    with bound.socket:
        require_key_beyond_loopback(bound.socket.getsockname()[0], settings.api_key, keys)
        # Connections inherit this. asyncio sets it only on sockets that were made with a protocol number, and
        # without it the second write of an answer waits 40 ms for the client's acknowledgement.
        bound.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        terms = terms or Terms.of(settings.limits, drain_s)
        server = _Server(_config(app), terms, on_listening)
        serving = asyncio.create_task(server.serve(sockets=[bound.socket]))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            terms.endless.close()
            server.config.timeout_graceful_shutdown = math.ceil(terms.drain_s)
            server.should_exit = True
            await asyncio.shield(serving)
        finally:
            stopping.cancel()
            await _cut_off(server, serving)


@contextlib.asynccontextmanager
async def serving_control(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Serve `app` on a Unix socket within the block; requests still in progress at its end are cut off."""
    server = _Server(_config(app), Terms.of(CONTROL, drain_s=1), None)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        await _cut_off(server, serving)


async def _cut_off(server: "_Server", serving: asyncio.Task[None]) -> None:
    """Stop the server now; answers in progress have a moment to send their error."""
    server.should_exit = server.force_exit = True
    left = set(server.server_state.tasks)
    for task in left:
        task.cancel()
    await serving
    if left:
        await asyncio.wait(left, timeout=LAST_WORD_S)


def require_key_beyond_loopback(
    host: str, api_key: SecretStr | None, key_file: KeyFile | None = None
) -> None:
    """Raise BadRequest when other computers can reach the address and there is no key; call before
    binding."""
    if is_loopback(host) or (api_key is not None and api_key.get_secret_value()):
        return
    if key_file is not None and key_file.all():
        return
    raise BadRequest(
        f"Other computers could reach {host}, and no API key is set.",
        hint="Make one: viewfinder keys add NAME. Or set one in VIEWFINDER_API_KEY or as api_key in "
        f"{trusted_place()}, or listen on 127.0.0.1.",
        param="api_key",
        code="api_key_required",
    )


def is_loopback(host: str) -> bool:
    """Whether only this computer can reach the address; a name that is not localhost counts as reachable."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in LOOPBACK_HOSTS


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=Connection,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=1,
    )


class _Server(uvicorn.Server):
    """uvicorn, with signals left to the caller, a call when it listens, and our own connections."""

    def __init__(self, config: uvicorn.Config, terms: Terms, on_listening: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._terms = terms
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        door = self._terms.door

        def make() -> Incoming:
            return Incoming(Connection(self._terms, self.config, self.server_state, self.lifespan.state))

        self.servers = [Listener(listening, door, make) for listening in sockets or ()]  # type: ignore[misc]
        self.started = True
        if self._on_listening is not None:
            self._on_listening()

    async def on_tick(self, counter: int) -> bool:
        connections = cast("set[Connection]", self.server_state.connections)
        look_at_readers(tuple(connections), asyncio.get_running_loop().time())
        return await super().on_tick(counter)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
