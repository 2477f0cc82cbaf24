"""An engine that can only listen on TCP, where others may listen first."""

import asyncio
import secrets
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from viewfinder.catalog.card import Variant
from viewfinder.catalog.catalog import ModelFiles
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.errors import EngineDied
from viewfinder.engines.base import Launch
from viewfinder.host.listeners import free_port

from ..conftest import Make, Program


class TcpOnly(Program):
    """As a third party writes one; `ports` are those that it gets, in order, and then free ones."""

    def __init__(self, *ports: int) -> None:
        super().__init__("serves_tcp_only.py")
        self.ports = list(ports)
        self.launched: list[Launch] = []

    def launch(self, variant: Variant, files: ModelFiles, settings: EngineSettings, socket: Path) -> Launch:
        port, key = self.ports.pop(0) if self.ports else free_port(), secrets.token_urlsafe()
        plain = super().launch(variant, files, settings, socket)
        argv = (*plain.argv, str(port))
        launch = replace(plain, argv=argv, environment={"ENGINE_KEY": key}, port=port, api_key=SecretStr(key))
        self.launched.append(launch)
        return launch


async def test_it_is_asked_with_a_key_that_is_new_at_each_start(make_server: Make) -> None:
    engine = TcpOnly()
    server = make_server(engine)
    for _ in range(2):
        await server.start()
        assert str(server.client.endpoint) == f"http://127.0.0.1:{engine.launched[-1].port}"
        assert (await server.client.get("/", timeout_s=5))[0] == 200
        await server.stop()
    first, second = (launch.api_key for launch in engine.launched)
    assert first is not None
    assert first != second
    assert first.get_secret_value() not in repr(engine.launched[0].api_key) + str(engine.launched[0].argv)


async def test_a_stolen_port_gets_no_byte_and_the_engine_another_port(make_server: Make) -> None:
    calls = 0

    async def steal(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal calls
        calls += 1
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(steal, "127.0.0.1", 0) as thief:
        stolen = thief.sockets[0].getsockname()[1]
        server = make_server(TcpOnly(stolen))
        await server.start()
        try:
            assert server.starts == 2
            assert server.client.endpoint.base_url != f"http://127.0.0.1:{stolen}"
        finally:
            await server.stop()
        alone = make_server(TcpOnly(stolen), deaths=1)
        with pytest.raises(EngineDied, match="in use"):
            await alone.start()
        assert thief.is_serving()
    assert calls == 0
