"""What a connection sends, joined: all that is written in one turn of the event loop is sent by one call, and
wakes the client once; made by `connection`.

The head of a stream, its first event and its first word are written in one turn, and so are its last events.
"""

import asyncio
from typing import Any

JOINED_BYTES = 64 * 1024
"""More than this does not wait for the end of the turn."""


class Outgoing:
    """A transport that joins what is written to it, and counts it."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport, self._loop = transport, loop
        self._pieces: list[bytes] = []
        self._waiting_bytes = 0
        self.written_bytes = 0

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._send)
        self._pieces.append(data)
        self.written_bytes += len(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > JOINED_BYTES:
            self._send()

    def get_write_buffer_size(self) -> int:
        return self._waiting_bytes + self._transport.get_write_buffer_size()

    def write_eof(self) -> None:
        self._send()
        self._transport.write_eof()

    def close(self) -> None:
        self._send()
        self._transport.close()

    def abort(self) -> None:
        self._forget()
        self._transport.abort()

    def _send(self) -> None:
        pieces = self._forget()
        if pieces and not self._transport.is_closing():
            self._transport.write(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    def _forget(self) -> list[bytes]:
        pieces, self._pieces, self._waiting_bytes = self._pieces, [], 0
        return pieces

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
