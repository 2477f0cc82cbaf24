"""Addresses and paths in place of images: nothing is fetched and nothing opened, however they are spelled.

Where the settings allow fetching, nothing that is not public is."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from tests.hostile.payloads import ADDRESSES
from tests.hostile.raw import IMAGE, KEY, Gateway, check, image, running
from viewfinder.core.config import Limits
from viewfinder.media.intake import Intake
from viewfinder.media.remote import RemoteImages


@dataclass
class Trap:
    """Listens where the addresses lead, and answers as they promise."""

    port: int = 0
    visits: list[bytes] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits.append(await reader.readline())
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n")
        writer.close()


@pytest.fixture
async def trap() -> AsyncIterator[Trap]:
    trap = Trap()
    async with await asyncio.start_server(trap.serve, "127.0.0.1", 0) as server:
        trap.port = server.sockets[0].getsockname()[1]
        yield trap


@pytest.mark.parametrize("row", ADDRESSES)
async def test_nothing_is_fetched_or_opened(gateway: Gateway, trap: Trap, row: str) -> None:
    """Redirects, a second answer of DNS, an endless file: none of it can matter to what never asks."""
    for url in ADDRESSES[row]:
        reply = await asyncio.to_thread(gateway.chat, **image(url.replace("PORT", str(trap.port))))
        assert reply.error["code"] in ("media_url_forbidden", "invalid_image"), url
        check(reply, 400, reply.error["code"], IMAGE)
        assert "passwd" not in reply.error["message"]
    assert trap.visits == []


@pytest.fixture
async def fetching(trap: Trap, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Gateway]:
    """A gateway that may fetch images, also from the trap's port: only its address is wrong."""
    remote = partial(RemoteImages, Limits(), ports=(80, 443, trap.port))
    monkeypatch.setattr(Intake, "remote", lambda intake: remote())
    with running(tmp_path, api_key=KEY, remote_images=True) as gateway:
        yield gateway
        assert gateway.refused is None


async def test_where_images_are_fetched_no_private_address_is(fetching: Gateway, trap: Trap) -> None:
    codes = {"remote_address", "remote_url", "remote_host", "media_url_forbidden", "invalid_image"}
    for url in (url for urls in ADDRESSES.values() for url in urls):
        reply = await asyncio.to_thread(fetching.chat, **image(url.replace("PORT", str(trap.port))))
        assert reply.error["code"] in codes, url
        check(reply, 400, reply.error["code"], IMAGE)
    assert trap.visits == []


async def test_the_trap_would_notice(trap: Trap) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", trap.port)
    writer.write(b"GET / HTTP/1.1\r\n")
    assert b"302" in await reader.readline()
    writer.close()
    assert trap.visits == [b"GET / HTTP/1.1\r\n"]
