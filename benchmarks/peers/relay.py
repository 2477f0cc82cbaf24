"""A relay that only carries bytes to an engine's socket: what any process in between costs.

python -m benchmarks.peers.relay PORT SOCKET
"""

import asyncio
import sys
from typing import cast

import uvloop


class Carrier(asyncio.Protocol):
    """One side of a connection; `other` is the transport of the other side."""

    def __init__(self, other: "Carrier | None" = None) -> None:
        self.other = other
        self.transport: asyncio.Transport | None = None
        self.early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        for data in self.early:
            self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        if self.other is not None:
            self.other.send(data)

    def send(self, data: bytes) -> None:
        if self.transport is None:
            self.early.append(data)
        else:
            self.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class FromClient(Carrier):
    """The client's side, which opens the engine's."""

    def __init__(self, path: str) -> None:
        super().__init__(Carrier(self))
        self.path = path
        self.opening: asyncio.Task[object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        loop = asyncio.get_running_loop()
        self.opening = loop.create_task(loop.create_unix_connection(lambda: self.other, self.path))


async def main(port: int, path: str) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: FromClient(path), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
