"""What a connection writes in one turn of the loop is sent at once."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from viewfinder.gateway.outgoing import JOINED_BYTES, Outgoing


class Watched:
    """A transport that notes what it is told."""

    def __init__(self) -> None:
        self.said: list[tuple[str, bytes]] = []

    def write(self, data: bytes) -> None:
        self.said.append(("write", data))

    def write_eof(self) -> None:
        self.said.append(("eof", b""))

    def close(self) -> None:
        self.said.append(("close", b""))

    def abort(self) -> None:
        self.said.append(("abort", b""))

    def is_closing(self) -> bool:
        return any(what in ("close", "abort") for what, _ in self.said)

    def get_write_buffer_size(self) -> int:
        return 7


def watched() -> tuple[Watched, Outgoing]:
    transport = Watched()
    return transport, Outgoing(transport, asyncio.get_running_loop())  # type: ignore[arg-type]


async def test_one_turn_is_one_write() -> None:
    transport, outgoing = watched()
    for data in (b"head", b"role", b"word"):
        outgoing.write(data)
    assert transport.said == []
    assert outgoing.get_write_buffer_size() == 7 + 12
    await asyncio.sleep(0)
    outgoing.write(b"end")
    await asyncio.sleep(0)
    assert transport.said == [("write", b"headroleword"), ("write", b"end")]
    assert outgoing.written_bytes == 15
    assert outgoing.get_write_buffer_size() == 7


async def test_what_is_written_goes_before_the_end() -> None:
    for end in ("close", "write_eof"):
        transport, outgoing = watched()
        outgoing.write(b"last")
        getattr(outgoing, end)()
        await asyncio.sleep(0)
        assert transport.said == [("write", b"last"), (end.removeprefix("write_"), b"")]


async def test_nothing_is_sent_after_an_abort() -> None:
    transport, outgoing = watched()
    outgoing.write(b"never read")
    outgoing.abort()
    await asyncio.sleep(0)
    assert transport.said == [("abort", b"")]


async def test_much_does_not_wait() -> None:
    transport, outgoing = watched()
    outgoing.write(b"head")
    outgoing.write(b"x" * JOINED_BYTES)
    assert [(what, len(data)) for what, data in transport.said] == [("write", 4 + JOINED_BYTES)]


@asynccontextmanager
async def over_a_socket() -> AsyncIterator[tuple[socket.socket, Outgoing]]:
    ours, theirs = socket.socketpair()
    loop = asyncio.get_running_loop()
    theirs.setblocking(False)
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    try:
        yield theirs, Outgoing(transport, loop)
    finally:
        transport.abort()
        theirs.close()


async def test_a_whole_answer_arrives_over_a_socket_that_is_closed() -> None:
    async with over_a_socket() as (theirs, outgoing):
        answer = [b"%06d" % number for number in range(20_000)]
        for piece in answer:
            outgoing.write(piece)
        outgoing.close()
        arrived = b""
        while data := await asyncio.get_running_loop().sock_recv(theirs, 2**16):
            arrived += data
        assert arrived == b"".join(answer)
