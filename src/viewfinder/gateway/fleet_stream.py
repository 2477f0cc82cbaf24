"""GET /fleet/stream: server-sent events of the fleet, as long as the client reads; mounted by `fleet_api`.

    event: fleet    the whole state (`FleetView`): at first, and whenever it changed, at most twice a second
    event: event    each new event of the fleet
    : ...           now and then, so that both sides know of each other

It ends when Viewfinder stops, when the settings are read again, and when the key is removed: clients connect
again, as browsers do by themselves.
"""

import asyncio
import contextlib
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from viewfinder.gateway.endless import ENDLESS, EndlessAnswers
from viewfinder.gateway.fleet_feed import FleetFeed, FleetReader
from viewfinder.gateway.keys import Keys
from viewfinder.gateway.request_record import STREAM
from viewfinder.gateway.sender import KEY_OWNER

RETRY = b"retry: 2000\n\n"
"""How long a browser waits before it connects again, in milliseconds."""
STREAM_HEADERS = [STREAM, (b"cache-control", b"no-store"), (b"x-accel-buffering", b"no")]


class FleetStream:
    """The stream of one gateway."""

    def __init__(self, feed: FleetFeed, keys: Keys) -> None:
        self._feed, self._keys = feed, keys

    async def page(self, request: Request) -> Response:
        return _Streamed(self._feed, self._may_stay(request.scope), only_head=request.method == "HEAD")

    def _may_stay(self, scope: Scope) -> Callable[[], bool]:
        """Whether the key that opened the stream is still one."""
        name = scope.get(KEY_OWNER, "")
        if not name:
            return lambda: not self._keys.are_needed
        hashed = self._keys.hash_of(name)
        return lambda: self._keys.hash_of(name) == hashed


class _Streamed(Response):
    """`only_head`: a client wants to know the headers, and nothing else."""

    def __init__(self, feed: FleetFeed, may_stay: Callable[[], bool], *, only_head: bool) -> None:
        super().__init__()
        self._feed, self._may_stay, self._only_head = feed, may_stay, only_head

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._feed.reader() as reader:
            endless: EndlessAnswers = scope.get(ENDLESS) or EndlessAnswers()
            with endless.one(reader.end):
                leaving = asyncio.create_task(_ends_with_client(reader, receive))
                try:
                    await send({"type": "http.response.start", "status": 200, "headers": STREAM_HEADERS})
                    if not self._only_head:
                        await self._send_all(reader, send)
                finally:
                    leaving.cancel()
        await send({"type": "http.response.body"})

    async def _send_all(self, reader: FleetReader, send: Send) -> None:
        data = RETRY
        with contextlib.suppress(asyncio.CancelledError):  # Viewfinder stops at once
            while not reader.is_over and self._may_stay():
                await send({"type": "http.response.body", "body": data, "more_body": True})
                data = await reader.next()


async def _ends_with_client(reader: FleetReader, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    reader.end()
