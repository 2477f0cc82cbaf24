"""Serves the gateway on a bound socket, and the control API on a Unix socket; called by api."""

import asyncio
import contextlib
import ipaddress
import math
import socket
from collections.abc import AsyncIterator, Callable, Iterator

import uvicorn
from pydantic import SecretStr
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from viewfinder.core.config import LOOPBACK_HOSTS, Settings
from viewfinder.core.errors import BadRequest
from viewfinder.host.sockets import Bound

KEEP_ALIVE_S = 30
"""Longer than the clients' own limits (httpx 5 s, aiohttp 15 s): then clients close idle connections, and no
connection is closed just as a request arrives on it."""

REQUEST_HEAD_BYTES = 64 * 1024
"""The most bytes of a request's line and headers."""

LAST_WORD_S = 1.0
"""How long a request that is cut off has to send its error."""


CONTROL_HEAD_S = 10.0
"""For the headers of a control request, which comes from this computer."""


async def serve(
    app: ASGIApp,
    bound: Bound,
    settings: Settings,
    *,
    stop: asyncio.Event,
    drain_s: float = 10.0,
    on_listening: Callable[[], None] | None = None,
) -> None:
    """Serve `app` until `stop` is set, which the caller does in its signal handlers.

    Then no new connection is taken, requests in progress have `drain_s` to finish, and the rest are cut off
    with an error. Cancelling the call cuts them off at once (a second signal). Either way the socket is
    closed when this returns. `on_listening` is called once connections are taken. Raises BadRequest when
    the address is not loopback and no key is set.
    """
    with bound.socket:
        require_key_beyond_loopback(bound.socket.getsockname()[0], settings.api_key)
        # Connections inherit this. asyncio sets it only on sockets that were made with a protocol number, and
        # without it the second write of an answer waits 40 ms for the client's acknowledgement.
        bound.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = _Server(_config(app, settings.limits.receive_timeout_s, drain_s), on_listening)
        serving = asyncio.create_task(server.serve(sockets=[bound.socket]))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
            server.should_exit = True
            await asyncio.shield(serving)
        finally:
            stopping.cancel()
            await _cut_off(server, serving)


@contextlib.asynccontextmanager
async def serving_control(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Serve `app` on a Unix socket within the block; requests still in progress at its end are cut off."""
    server = _Server(_config(app, CONTROL_HEAD_S, drain_s=1), None)
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


def require_key_beyond_loopback(host: str, api_key: SecretStr | None) -> None:
    """Raise BadRequest when other computers can reach the address and no key is set; call before binding."""
    if is_loopback(host) or (api_key is not None and api_key.get_secret_value()):
        return
    raise BadRequest(
        f"Other computers could reach {host}, and no API key is set.",
        hint="Set one in VIEWFINDER_API_KEY or as api_key in viewfinder.toml, or listen on 127.0.0.1.",
        param="api_key",
        code="api_key_required",
    )


def is_loopback(host: str) -> bool:
    """Whether only this computer can reach the address; a name that is not localhost counts as reachable."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host in LOOPBACK_HOSTS


def _config(app: ASGIApp, head_s: float, drain_s: float) -> uvicorn.Config:
    class Protocol(TimedHead):
        head_timeout_s = head_s

    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=math.ceil(drain_s),
    )


class _Server(uvicorn.Server):
    """uvicorn, with signals left to the caller, and a call when it listens."""

    def __init__(self, config: uvicorn.Config, on_listening: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._on_listening is not None:
            self._on_listening()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class TimedHead(HttpToolsProtocol):
    """uvicorn's protocol with two limits that it lacks: on the time and the size of a request's headers.

    A guard cannot do this: uvicorn calls the app only when all headers have arrived.
    """

    head_timeout_s: float
    _head_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._await_head()

    def data_received(self, data: bytes) -> None:
        self._head_bytes += len(data)
        super().data_received(data)
        if self._head_timer is not None and self._head_bytes > REQUEST_HEAD_BYTES:
            self.transport.close()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._await_head()

    def on_headers_complete(self) -> None:
        self._head_is_complete()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_is_complete()
        super().connection_lost(exc)

    def _await_head(self) -> None:
        self._head_is_complete()
        self._head_bytes = 0
        self._head_timer = self.loop.call_later(self.head_timeout_s, self.transport.close)

    def _head_is_complete(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None
