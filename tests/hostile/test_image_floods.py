"""Images and bodies that are sent to exhaust the gateway, and a polite client beside them, on a real `serve`.

Its memory stays bounded and the polite client is answered in time, whatever the others send.
"""

import asyncio
import base64
import io
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import aiohttp
import psutil
import pytest
from PIL import Image

from tests.hostile.beside import BLOCKS_MS, Served
from tests.hostile.raw import KEY

MIB = 2**20
WITH_KEY = {"authorization": f"Bearer {KEY}"}
MOST_RESIDENT = 400 * MIB
MOST_S = 2.0
TIMES_QUIET = 10
QUIET_S = 0.1
"""The least that counts as quiet: tests share their computer."""


def in_file(image: Image.Image, format: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def of_scans(size: tuple[int, int], more: int) -> bytes:
    """A progressive JPEG that repeats its last scan this often."""
    data = in_file(Image.new("L", size, 128), "JPEG", progressive=True)
    return data[:-2] + data[data.rindex(b"\xff\xda") : -2] * more + data[-2:]


def gradient(size: tuple[int, int]) -> Image.Image:
    return Image.linear_gradient("L").resize(size).convert("RGB")


def request(*images: bytes) -> bytes:
    urls = [f"data:image/x;base64,{base64.b64encode(image).decode()}" for image in images]
    parts = [{"type": "image_url", "image_url": {"url": url}} for url in urls]
    content = [*parts, {"type": "text", "text": "What color is it?"}]
    return json.dumps(
        {"model": "glimpse", "max_tokens": 4, "messages": [{"role": "user", "content": content}]}
    ).encode()


SMALL = request(in_file(gradient((320, 240)), "JPEG"))


@dataclass(frozen=True)
class Reply:
    status: int
    took_s: float
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Client:
    """Sends requests to the gateway, and watches how much memory it has."""

    served: Served
    http: aiohttp.ClientSession
    quiet_s: float = 0.0
    peak_bytes: int = 0

    async def post(self, body: bytes) -> Reply:
        began_s = time.monotonic()
        async with self.http.post(
            "/v1/chat/completions", data=io.BytesIO(body), headers={"content-type": "application/json"}
        ) as reply:
            said = await reply.json()
            headers = {name.lower(): value for name, value in reply.headers.items()}
            code = said.get("error", {}).get("code", "")
            return Reply(reply.status, time.monotonic() - began_s, code, headers)

    async def watch(self) -> None:
        process = psutil.Process(self.served.process.pid)
        while True:
            self.peak_bytes = max(self.peak_bytes, process.memory_info().rss)
            await asyncio.sleep(0.02)

    async def beside(self, attack: "asyncio.Future[list[Reply]]") -> list[Reply]:
        """The replies to an attack; a polite client is answered in time meanwhile, and the memory bounded."""
        polite: list[Reply] = []
        while not attack.done() or len(polite) < 5:
            polite.append(await self.post(SMALL))
            await asyncio.sleep(0.05)
        slowest_s = max(reply.took_s for reply in polite)
        print(f"polite: {len(polite)} requests, {slowest_s:.3f} s (quiet {self.quiet_s:.3f} s)")
        print(f"resident: {self.peak_bytes / MIB:.0f} MiB at most")
        assert {reply.status for reply in polite} == {200}
        assert slowest_s < min(MOST_S, TIMES_QUIET * max(self.quiet_s, QUIET_S))
        assert self.peak_bytes < MOST_RESIDENT
        return await attack


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    served = Served(tmp_path_factory.mktemp("flooded"))
    yield served
    served.close()


@asynccontextmanager
async def client_of(served: Served) -> AsyncIterator[Client]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(served.url, connector=connector, headers=WITH_KEY) as http:
        client = Client(served, http)
        await client.post(SMALL)
        client.quiet_s = max([(await client.post(SMALL)).took_s for _ in range(10)])
        watching = asyncio.create_task(client.watch())
        served.look()
        yield client
        BLOCKS_MS.append(served.look()["block_ms"])
        watching.cancel()


async def test_progressive_jpegs_of_thousands_of_scans(served: Served) -> None:
    """A small request waited 161 s behind eight of them."""
    async with client_of(served) as client:
        body = request(of_scans((7000, 7000), 3000))
        replies = await client.beside(asyncio.gather(*(client.post(body) for _ in range(8))))
        assert {(reply.status, reply.code) for reply in replies} == {(400, "image_too_complex")}


@pytest.mark.soak
async def test_photographs_of_24_megapixels_from_one_client(served: Served) -> None:
    """Everybody else waited 5.5 times as long."""
    async with client_of(served) as client:
        body = request(in_file(gradient((6000, 4000)), "JPEG", quality=85))
        replies = await client.beside(asyncio.gather(*(client.post(body) for _ in range(24))))
        assert {reply.status for reply in replies} == {200}
        assert (
            replies[0].headers["x-viewfinder-reduced"].startswith("messages[0].content[0] from 6000x4000 to ")
        )


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have one loopback address")
async def test_a_photograph_of_another_client_does_not_wait_for_all_of_theirs(served: Served) -> None:
    """Clients take turns, however many requests one of them sends."""
    body = request(in_file(gradient((6000, 4000)), "JPEG", quality=85))
    connector = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
    async with (
        client_of(served) as flood,
        aiohttp.ClientSession(served.url, connector=connector, headers=WITH_KEY) as http,
    ):
        other = Client(served, http)
        alone_s = (await other.post(body)).took_s
        over = asyncio.Event()

        async def keep_sending() -> list[Reply]:
            replies = []
            while not over.is_set():
                replies.append(await flood.post(body))
            return replies

        attack = asyncio.gather(*(keep_sending() for _ in range(24)))
        await asyncio.sleep(0.3)
        beside = [await other.post(body) for _ in range(3)]
        over.set()
        print(f"a photograph: {alone_s:.2f} s alone, {max(one.took_s for one in beside):.2f} s beside 24")
        assert {reply.status for reply in beside} == {200}
        assert {reply.status for replies in await attack for reply in replies} == {200}
        assert max(one.took_s for one in beside) < min(MOST_S, 10 * alone_s)


@pytest.mark.soak
async def test_many_large_webps_in_a_small_body(served: Served) -> None:
    """Sixteen of 44 megapixels became 4 GB, and the engine refused them all: 400 "status 413"."""
    webp = in_file(Image.new("RGB", (7000, 6300), "red"), "WEBP")
    async with client_of(served) as client:
        attack = asyncio.gather(client.post(request(*[webp] * 16)), client.post(request(*[webp] * 6)))
        too_many, fewer = await client.beside(attack)
        assert (too_many.status, too_many.code) == (400, "too_many_pixels")
        assert too_many.took_s < MOST_S
        assert fewer.status == 200
        assert fewer.headers["x-viewfinder-reduced"].count("from 7000x6300") == 6


async def test_connections_that_hold_sixty_megabytes_each(served: Served) -> None:
    """Twelve of them held 850 MB for as long as they liked."""
    host, _, port = served.url.removeprefix("http://").partition(":")
    head = b"POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer {KEY}\r\n".encode()

    async def hold() -> Reply:
        began_s = time.monotonic()
        reader, writer = await asyncio.open_connection(host, int(port))
        reading = asyncio.create_task(reader.read(4096))
        try:
            writer.write(head + b"Content-Length: 66000000\r\n\r\n")
            with suppress(ConnectionError):  # it was refused, and sent on for so long that it was closed
                for _ in range(60):
                    writer.write(b" " * MIB)
                    await asyncio.wait_for(writer.drain(), 10)
            said = (await asyncio.wait_for(reading, 2)).decode()
        except TimeoutError:
            return Reply(0, time.monotonic() - began_s)
        finally:
            writer.transport.abort()
        lines = dict(line.lower().split(": ", 1) for line in said.partition("\r\n\r\n")[0].split("\r\n")[1:])
        return Reply(int(said.split()[1]), time.monotonic() - began_s, headers=lines)

    process = psutil.Process(served.process.pid)
    before_bytes = process.memory_info().rss
    async with client_of(served) as client:
        replies = await client.beside(asyncio.gather(*(hold() for _ in range(12))))
        refused = [reply for reply in replies if reply.status == 503]
        assert len(refused) >= 8
        assert {reply.headers["retry-after"] for reply in refused} == {"2"}
        await asyncio.sleep(0.5)
        assert process.memory_info().rss < before_bytes + 64 * MIB


async def test_frozen_decoders_cost_no_image(served: Served) -> None:
    """Each image waited 20 s for one, and was refused as too slow."""
    large = request(in_file(gradient((3000, 2000)), "JPEG"))
    async with client_of(served) as client:
        await asyncio.gather(*(client.post(large) for _ in range(4)))
        for process in served.tree:
            if "viewfinder.media.decoder" in process.cmdline():
                os.kill(process.pid, signal.SIGSTOP)
        replies = await asyncio.gather(*(client.post(body) for body in (large, SMALL, large)))
        assert {reply.status for reply in replies} == {200}
        assert max(reply.took_s for reply in replies) < 3
