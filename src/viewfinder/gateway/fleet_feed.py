"""The fleet as it changes, for all who watch it: one snapshot for every reader; streamed by `fleet_stream`.

The fleet's events say that something happened, and a look every two seconds finds what has no event (memory,
requests in progress). Nobody looks while there is no reader. A reader that does not read holds one snapshot
and a few events, and nothing else waits for it.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import orjson

from viewfinder.core.errors import Busy
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.record.events import Event

MOST_READERS = 32
FLEET_LOOK_S = 2.0
"""How often the fleet is looked at while somebody reads, without an event."""
LEAST_S = 0.5
"""Between two snapshots."""
OLDEST_S = 60.0
"""Then a snapshot is sent although nothing changed but the clock."""
HEARTBEAT_S = 15.0
HEARTBEAT = b": still here\n\n"
EVENTS_HELD = 100
"""For one reader; of more, the oldest are dropped: GET /fleet/events has them."""
CLOCKS = ("up_s", "idle_s", "canary_s")
"""What differs in every snapshot."""


class FleetReader:
    """What one reader has not been sent yet."""

    def __init__(self) -> None:
        self._snapshot = b""
        self._events: deque[bytes] = deque(maxlen=EVENTS_HELD)
        self._wake = asyncio.Event()
        self.is_over = False

    def show(self, snapshot: bytes) -> None:
        """Send this snapshot next, in place of one that was not sent yet."""
        self._snapshot = snapshot
        self._wake.set()

    def add(self, event: bytes) -> None:
        self._events.append(event)
        self._wake.set()

    def end(self) -> None:
        self.is_over = True
        self._wake.set()

    async def next(self) -> bytes:
        """What to send now: all that there is, or a heartbeat when there was nothing for a while."""
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                await self._wake.wait()
        except TimeoutError:
            return HEARTBEAT
        self._wake.clear()
        data = b"".join([*self._events, self._snapshot])
        self._events.clear()
        self._snapshot = b""
        return data


class FleetFeed:
    """The readers of one fleet; kept when the app is replaced."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._readers: set[FleetReader] = set()
        self._happened = asyncio.Event()
        self._looking: asyncio.Task[None] | None = None
        self._listens = False

    @contextlib.contextmanager
    def reader(self) -> Iterator[FleetReader]:
        """One more reader, within the block; it begins with a snapshot. Raises Busy beyond `MOST_READERS`."""
        if len(self._readers) >= MOST_READERS:
            raise Busy(
                f"{MOST_READERS} clients read the stream of the fleet already.",
                hint="Close pages that are not used, or get /fleet now and then.",
                code="overloaded",
            )
        reader = FleetReader()
        seen, data = self._snapshot()
        reader.show(data)
        self._readers.add(reader)
        self._begin(seen)
        try:
            yield reader
        finally:
            self._readers.discard(reader)
            if not self._readers and self._looking is not None:
                self._looking.cancel()

    def _begin(self, seen: dict[str, Any]) -> None:
        if not self._listens:
            self._listens = True
            self._fleet.events.listen(self._hear)
        if self._looking is None or self._looking.done() or len(self._readers) == 1:
            self._looking = asyncio.create_task(self._look(seen), name="fleet feed")

    def _hear(self, event: Event) -> None:
        if self._readers:
            data = _sse("event", asdict(event))
            for reader in self._readers:
                reader.add(data)
            self._happened.set()

    async def _look(self, shown: dict[str, Any]) -> None:
        """Look for changes, as long as there are readers; when that fails, they are told by the end."""
        loop = asyncio.get_running_loop()
        shown_s = loop.time()
        try:
            while True:
                await asyncio.sleep(LEAST_S)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(FLEET_LOOK_S - LEAST_S):
                        await self._happened.wait()
                self._happened.clear()
                seen, data = self._snapshot()
                if seen != shown or loop.time() - shown_s > OLDEST_S:
                    shown, shown_s = seen, loop.time()
                    for reader in self._readers:
                        reader.show(data)
        except Exception:
            for reader in self._readers:
                reader.end()
            raise

    def _snapshot(self) -> tuple[dict[str, Any], bytes]:
        """The state without what differs every time, and the whole of it as it is sent."""
        view = self._fleet.view().as_json()
        data = _sse("fleet", view)
        for server in view["servers"]:
            for clock in CLOCKS:
                server.pop(clock, None)
        return view, data


def _sse(name: str, value: dict[str, Any]) -> bytes:
    """A server-sent event; JSON has no line ends of its own."""
    return b"event: %b\ndata: %b\n\n" % (name.encode(), orjson.dumps(value, default=str))
