"""What the event loop sees of a connection: it says how much may be read at once; made by `listen`.

uvloop asks only a protocol that is nothing but a buffered one, and uvicorn's are not.
"""

import asyncio
from collections.abc import Callable

from viewfinder.gateway.connection import Connection


class Incoming(asyncio.BufferedProtocol):
    """Passes on what happens on a connection, its bytes in pieces of the size that its terms allow."""

    def __init__(self, connection: Connection) -> None:
        self._buffer = connection.terms.incoming
        self._received: Callable[[bytes], None] = connection.data_received
        self.connection_made = connection.connection_made  # type: ignore[assignment]
        self.connection_lost = connection.connection_lost  # type: ignore[method-assign]
        self.eof_received = connection.eof_received  # type: ignore[method-assign]
        self.pause_writing = connection.pause_writing  # type: ignore[method-assign]
        self.resume_writing = connection.resume_writing  # type: ignore[method-assign]

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        self._received(bytes(memoryview(self._buffer)[:nbytes]))
