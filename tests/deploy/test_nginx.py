"""deploy/nginx.conf, run by Debian's nginx in front of a real gateway: nothing is lost on the way."""

import asyncio
import base64
import contextlib
import io
import json
import os
import re
import shutil
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import trustme
from PIL import Image, PngImagePlugin

from tests.gateway.conftest import Gateway
from tests.gateway.faulty import WORDS
from viewfinder.core.config import Limits
from viewfinder.gateway.access_log import AccessLog
from viewfinder.gateway.connection import Terms
from viewfinder.gateway.listen import KEEP_ALIVE_S
from viewfinder.gateway.request_record import RequestRecords
from viewfinder.host.line_file import LineFile

CONFIG = Path(__file__).parents[2] / "deploy" / "nginx.conf"
NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
pytestmark = pytest.mark.skipif(NGINX is None, reason="no nginx here; on Debian: apt-get install nginx-light")

NAME = "vision.example.org"
KEY = "vf-key"
MAIN = """
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy;
    fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    include {config};
}}
"""


@dataclass
class Proxied:
    """A gateway behind nginx: nginx's address, and a client that trusts its certificate and has a key."""

    url: str
    port: int
    gateway: Gateway
    http: aiohttp.ClientSession
    trust: ssl.SSLContext
    records: RequestRecords
    log: Path

    def post(self, order: Any, **more: Any) -> Any:
        body = {"model": "both", "messages": [{"role": "user", "content": order}], **more}
        return self.http.post(f"{self.url}/v1/chat/completions", **as_json(body))

    async def send(
        self, method: str, path: str, body: bytes, length: int
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection with a request whose body has `length` bytes, or will have them."""
        reader, writer = await asyncio.open_connection(
            "127.0.0.1", self.port, ssl=self.trust, server_hostname=NAME
        )
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {NAME}\r\nAuthorization: Bearer {KEY}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        return reader, writer


class Here(aiohttp.abc.AbstractResolver):
    """The name of the site is that of this computer."""

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> Any:
        ours = {"hostname": host, "host": "127.0.0.1", "port": port}
        return [{**ours, "family": family, "proto": 0, "flags": 0}]

    async def close(self) -> None: ...


@pytest.fixture
async def proxied(
    start: Callable[..., Awaitable[Gateway]], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Proxied]:
    folder = tmp_path_factory.mktemp("nginx")
    records = RequestRecords(access_log=AccessLog(LineFile(folder / "access.jsonl")))
    terms = Terms.of(Limits(), 1, records)
    gateway = await start(api_key=KEY, allowed_hosts=[NAME], terms=terms)
    authority = trustme.CA()
    certificate = authority.issue_cert(NAME)
    certificate.cert_chain_pems[0].write_to_path(folder / "chain.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    port = free_port()
    text = CONFIG.read_text()
    for line, ours in {
        r"server 127\.0\.0\.1:8080;": f"server 127.0.0.1:{gateway.bound.port};",
        r"listen 443 ssl;": f"listen 127.0.0.1:{port} ssl;",
        r"ssl_certificate +\S+;": f"ssl_certificate {folder}/chain.pem;",
        r"ssl_certificate_key +\S+;": f"ssl_certificate_key {folder}/key.pem;",
    }.items():
        text, found = re.subn(line, ours, text)
        assert found == 1, line
    (folder / "site.conf").write_text(text)
    (folder / "main.conf").write_text(MAIN.format(config=folder / "site.conf"))
    assert NGINX is not None
    process = await asyncio.create_subprocess_exec(
        NGINX, "-p", str(folder), "-e", "error.log", "-c", "main.conf"
    )
    connector = aiohttp.TCPConnector(resolver=Here(), ssl=trust)
    headers = {"authorization": f"Bearer {KEY}"}
    try:
        await until_it_listens(port, process, folder / "error.log")
        async with aiohttp.ClientSession(connector=connector, headers=headers) as http:
            url = f"https://{NAME}:{port}"
            yield Proxied(url, port, gateway, http, trust, records, folder / "access.jsonl")
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        records.close()


def as_json(body: dict[str, Any], **headers: str) -> dict[str, Any]:
    """For a request of aiohttp, which warns of large bodies in one piece."""
    data = io.BytesIO(json.dumps(body).encode())
    return {"data": data, "headers": {"content-type": "application/json", **headers}}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def until_it_listens(port: int, process: asyncio.subprocess.Process, errors: Path) -> None:
    while True:
        assert process.returncode is None, errors
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.close()
            return
        await asyncio.sleep(0.01)


async def test_a_stream_arrives_while_it_is_made(proxied: Proxied) -> None:
    """The engine says the rest only when the first words have been read here."""
    async with proxied.post("wait in the middle", stream=True) as reply:
        assert reply.status == 200
        assert reply.headers["content-type"].startswith("text/event-stream")
        first = b""
        while WORDS[0].encode() not in first:
            first += await reply.content.readline()
        assert b"[DONE]" not in first
        assert not proxied.gateway.engine.proceed.is_set()
        proxied.gateway.engine.proceed.set()
        rest = await reply.read()
    assert rest.endswith(b"data: [DONE]\n\n")


async def test_a_client_that_leaves_is_noticed(proxied: Proxied) -> None:
    engine, fleet = proxied.gateway.engine, proxied.gateway.fleet
    for stream in (False, True):
        engine.abandoned.clear()
        asked = len(engine.asked)
        message = {"role": "user", "content": "wait"}
        body = json.dumps({"model": "both", "messages": [message], "stream": stream}).encode()
        _, writer = await proxied.send("POST", "/v1/chat/completions", body, len(body))
        while len(engine.asked) == asked:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        writer.transport.abort()
        await asyncio.wait_for(engine.abandoned.wait(), 20)
    while fleet.leases:  # noqa: ASYNC110
        await asyncio.sleep(0.005)


async def test_a_picture_of_megabytes_passes(proxied: Proxied) -> None:
    """nginx's own limit is 1 MiB; and that of the engine here, which gets it without what is no picture."""
    comment = PngImagePlugin.PngInfo()
    comment.add_text("comment", os.urandom(2_000_000).hex())
    file = io.BytesIO()
    Image.new("RGB", (100, 100)).save(file, "PNG", pnginfo=comment)
    url = {"url": f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"}
    assert len(url["url"]) > 3 * 2**20
    content = [{"type": "image_url", "image_url": url}, {"type": "text", "text": "?"}]
    status, body = await read(proxied.post(content))
    assert status == 200, body


def test_the_numbers_of_the_file_fit_those_of_the_gateway() -> None:
    text = CONFIG.read_text()
    (size,) = re.findall(r"client_max_body_size (\d+)m;", text)
    assert Limits().body_bytes < int(size) * 2**20 < 1.1 * Limits().body_bytes
    (idle_s,) = re.findall(r"keepalive_timeout (\d+)s;", text)
    assert int(idle_s) < KEEP_ALIVE_S


async def test_what_is_too_large_is_refused_in_our_words(proxied: Proxied) -> None:
    path = "/v1/chat/completions"
    reader, writer = await proxied.send("POST", path, b"", Limits().body_bytes + 1)
    answer = await reader.readuntil(b"}}")
    writer.close()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"request_too_large" in answer


async def test_a_key_is_needed_and_passes(proxied: Proxied) -> None:
    assert (await read(proxied.post("hello")))[0] == 200
    for headers in (
        {"authorization": "Bearer wrong"},
        {"authorization": "", "x-forwarded-for": "127.0.0.1", "x-real-ip": "127.0.0.1"},
        {"authorization": "", "forwarded": "for=127.0.0.1;host=localhost", "x-forwarded-host": "localhost"},
    ):
        status, body = await read(proxied.http.get(f"{proxied.url}/v1/models", headers=headers))
        assert (status, "invalid_api_key" in body) == (401, True)
    large = as_json({"model": "both", "messages": [], "padding": "x" * 2**22}, authorization="Bearer wrong")
    assert (await read(proxied.http.post(f"{proxied.url}/v1/chat/completions", **large)))[0] == 401
    by_header = {"authorization": "", "x-api-key": KEY}
    assert (await read(proxied.http.get(f"{proxied.url}/v1/models", headers=by_header)))[0] == 200


async def test_only_the_name_of_the_site_passes_whatever_is_forwarded(proxied: Proxied) -> None:
    for headers in ({}, {"x-forwarded-host": NAME}, {"forwarded": f"host={NAME}"}):
        refused = proxied.http.get(f"{proxied.url}/health", headers={"host": "evil.example", **headers})
        status, body = await read(refused)
        assert (status, "host_not_allowed" in body) == (403, True)
    page = {"origin": f"https://{NAME}:{proxied.port}"}
    assert (await read(proxied.http.get(f"{proxied.url}/v1/models", headers=page)))[0] == 200
    other = {"origin": "https://evil.example", "x-forwarded-proto": "https"}
    assert (await read(proxied.http.get(f"{proxied.url}/v1/models", headers=other)))[0] == 403


async def test_metrics_are_not_for_outside_and_both_logs_have_one_id(proxied: Proxied) -> None:
    assert (await read(proxied.http.get(f"{proxied.url}/metrics")))[0] == 404
    forged = {"x-forwarded-for": "198.51.100.1", "x-request-id": "forged"}
    async with proxied.http.get(f"{proxied.url}/v1/models", headers=forged) as reply:
        request_id = reply.headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{32}", request_id)
    proxied.records.close()
    (line,) = map(json.loads, proxied.log.read_text().splitlines())
    assert (line["id"], line["peer"], line["status"]) == (request_id, "127.0.0.1", 200)


async def read(request: Any) -> tuple[int, str]:
    async with request as reply:
        return int(reply.status), await reply.text()
