"""Takes new connections from a listening socket; started by `listen`.

asyncio's own server, when descriptors run out, writes its whole backlog of errors to the log every second.
"""

import asyncio
import logging
import socket
from collections.abc import Callable

from viewfinder.core.seldom import Seldom
from viewfinder.gateway.door import Door
from viewfinder.host.descriptors import is_shortage

ACCEPTED_AT_ONCE = 32
"""In one turn of the loop: to set up a connection takes 0.1 ms."""
SHORTAGE_PAUSE_S = 0.1

_log = logging.getLogger(__name__)
_log.addFilter(Seldom())


class Listener:
    """Accepts connections until `close`; uvicorn treats it as one of its servers."""

    def __init__(
        self, listening: socket.socket, door: Door, make_protocol: Callable[[], asyncio.BaseProtocol]
    ) -> None:
        self._listening, self._door, self._make_protocol = listening, door, make_protocol
        self._loop = asyncio.get_running_loop()
        self._setting_up: set[asyncio.Task[None]] = set()
        self._is_closed = False
        listening.setblocking(False)
        self._resume()

    def close(self) -> None:
        self._is_closed = True
        self._pause()

    async def wait_closed(self) -> None:
        """Connections are closed by uvicorn, not here."""

    def _resume(self) -> None:
        if not self._is_closed:
            self._loop.add_reader(self._listening.fileno(), self._accept)

    def _pause(self) -> None:
        if self._listening.fileno() >= 0:
            self._loop.remove_reader(self._listening.fileno())

    def _accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                accepted, _address = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._fail(error)
                return
            task = self._loop.create_task(self._set_up(accepted))
            self._setting_up.add(task)
            task.add_done_callback(self._setting_up.discard)

    async def _set_up(self, accepted: socket.socket) -> None:
        try:
            accepted.setblocking(False)
            await self._loop.connect_accepted_socket(self._make_protocol, accepted)
        except OSError:  # it was closed meanwhile
            accepted.close()

    def _fail(self, error: OSError) -> None:
        """Wait a moment: the socket stays readable, and would call us again at once."""
        made_room = is_shortage(error) and self._door.make_room()
        _log.warning(
            "No connection can be accepted: %s. %s",
            error.strerror,
            "An idle one was closed." if made_room else "Raise the limit of open files (ulimit -n).",
        )
        self._pause()
        self._loop.call_later(SHORTAGE_PAUSE_S, self._resume)
