"""Nothing is sent to a listener that is not proven to be the engine."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import SecretStr

from viewfinder.client.chat import ChatClient
from viewfinder.client.endpoint import Endpoint
from viewfinder.core.errors import EngineDied
from viewfinder.host.child import Child, ChildSpec
from viewfinder.host.listeners import free_port, is_held_by

LISTENS = Path(__file__).parents[1] / "children" / "listens.py"


@dataclass
class Listener:
    """The server on the port: the bytes it received, and how many connections it had."""

    port: int = 0
    heard: list[bytes] = field(default_factory=list)
    calls: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.calls += 1
        self.heard.append(await reader.read(4096))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        writer.close()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Listener"]:
        async with await asyncio.start_server(self.serve, "127.0.0.1", 0) as server:
            self.port = server.sockets[0].getsockname()[1]
            yield self


def client_of(port: int, is_proven: Callable[[], bool]) -> ChatClient:
    return ChatClient(Endpoint(f"http://127.0.0.1:{port}", api_key=SecretStr("k3y"), is_proven=is_proven))


async def test_a_proven_listener_gets_the_request_and_the_key() -> None:
    async with Listener().listening() as engine, client_of(engine.port, lambda: True) as client:
        assert await client.get("/health", timeout_s=5) == (200, b"ok")
        assert b"Authorization: Bearer k3y" in engine.heard[0]


async def test_no_connection_is_opened_to_an_unproven_listener() -> None:
    async with Listener().listening() as stranger, client_of(stranger.port, lambda: False) as client:
        with pytest.raises(EngineDied):
            await client.get("/health", timeout_s=5)
    assert stranger.calls == 0


async def test_nothing_is_sent_to_a_listener_that_took_the_port_meanwhile() -> None:
    looks = iter([True, False])
    async with Listener().listening() as stranger, client_of(stranger.port, lambda: next(looks)) as client:
        with pytest.raises(EngineDied):
            await client.get("/health", timeout_s=5)
        await asyncio.sleep(0.05)
    assert stranger.heard == [b""]


async def test_a_port_that_was_stolen_before_our_engine_came_is_left_alone(tmp_path: Path) -> None:
    async with Listener().listening() as thief:
        argv = (sys.executable, str(LISTENS), "127.0.0.1", str(thief.port))
        ours = await Child.start(ChildSpec(argv, {}, tmp_path / "log"))
        async with client_of(thief.port, lambda: is_held_by(thief.port, ours.pids())) as client:
            with pytest.raises(EngineDied):
                await client.get("/health", timeout_s=5)
        assert (await ours.wait()).code == 1
    assert thief.calls == 0


async def test_our_own_engine_is_found_out_by_its_process(tmp_path: Path) -> None:
    port = free_port()
    child = await Child.start(
        ChildSpec((sys.executable, "-m", "http.server", str(port), "-b", "127.0.0.1"), {}, tmp_path / "log")
    )
    try:
        async with client_of(port, lambda: is_held_by(port, child.pids())) as client, asyncio.timeout(10):
            while True:
                try:
                    status, _ = await client.get("/", timeout_s=5)
                except EngineDied:  # it is not listening yet
                    await asyncio.sleep(0.02)
                else:
                    break
        assert status == 200
    finally:
        await child.stop(0)
