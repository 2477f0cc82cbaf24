"""Fetching of images from a real server, which only an injected rule makes allowed."""

import asyncio
import base64
import io
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
import trustme
from PIL import Image

from viewfinder.core.config import Limits
from viewfinder.core.errors import Busy, InvalidImage
from viewfinder.media import remote
from viewfinder.media.fairness import Client
from viewfinder.media.remote import RemoteImages


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (9, 9), "red").save(file, "PNG")
    return file.getvalue()


PNG = png()


def answer(body: bytes = PNG, status: str = "200 OK", **headers: str) -> bytes:
    fields = {"content-length": str(len(body)), "content-type": "image/png", "connection": "close"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


class Server:
    """Answers each path with bytes, or with what a function writes."""

    def __init__(self) -> None:
        self.port = 0
        self.heads: list[bytes] = []
        self.answers: dict[str, bytes | Callable[[asyncio.StreamWriter], Any]] = {"/x.png": answer()}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            self.heads.append(head)
            found = self.answers[head.split()[1].decode()]
            if isinstance(found, bytes):
                writer.write(found)
            else:
                await found(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def url(self, path: str = "/x.png", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0) as listening:
        made.port = listening.sockets[0].getsockname()[1]
        yield made


def fetching(server: Server, *, allowed: tuple[str, ...] = ("127.0.0.1",), **more: Any) -> RemoteImages:
    limits = Limits(**{"remote_image_bytes": 100_000, "remote_image_s": 5.0} | more)
    return RemoteImages(limits, is_allowed=allowed.__contains__, ports=(server.port,))


async def refused(images: RemoteImages, url: str) -> InvalidImage:
    with pytest.raises(InvalidImage) as caught:
        await images.fetch(url)
    assert caught.value.hint
    return caught.value


async def test_an_image_is_fetched(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    sizes: list[int] = []
    url = await fetching(server).fetch(server.url(), grow=sizes.append)
    assert base64.b64decode(bytes(url).partition(b",")[2]) == PNG
    assert sum(sizes) >= len(PNG)
    (head,) = server.heads
    assert b"\r\nHost: 127.0.0.1:%d\r\n" % server.port in head
    assert b"cookie" not in head.lower()
    assert b"authorization" not in head.lower()


async def test_nothing_private_is_fetched(server: Server) -> None:
    """The rule of every user: no connection is made."""
    images = RemoteImages(Limits(), ports=(server.port, 80))
    hosts = ("127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1", "0", "[::1]", "[::ffff:127.0.0.1]")
    for host in hosts:
        assert (await refused(images, server.url(host=host))).reason in ("remote_address", "remote_host"), (
            host
        )
    for url in ("http://169.254.169.254/latest/", "http://10.0.0.1/", "http://[64:ff9b::7f00:1]/"):
        assert (await refused(images, url)).reason == "remote_address"
    assert server.heads == []


async def test_one_private_address_among_others_is_enough(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_up = []

    def look_up(host: str, port: int, **_: object) -> list[Any]:
        looked_up.append(host)
        return [(socket.AF_INET, 1, 6, "", (address, port)) for address in ("127.0.0.1", "10.0.0.1")]

    monkeypatch.setattr(remote.socket, "getaddrinfo", look_up)
    assert (await refused(fetching(server), server.url(host="two.example"))).reason == "remote_address"
    assert server.heads == []
    both = fetching(server, allowed=("127.0.0.1", "10.0.0.1"))
    await both.fetch(server.url(host="two.example"))
    assert looked_up == ["two.example"] * 2, "the address that was checked is connected to"


@pytest.mark.parametrize(
    "url",
    ["ftp://127.0.0.1/x", "http://me:secret@127.0.0.1/x", "http://127.0.0.1:22/x", "http://127.0.0.1/ x"],
)
async def test_addresses_that_are_never_fetched(server: Server, url: str) -> None:
    error = await refused(fetching(server), url)
    assert error.reason == "remote_url"
    assert "secret" not in str(error)


async def test_only_the_ports_of_the_web(server: Server) -> None:
    assert (
        await refused(RemoteImages(Limits(), is_allowed=lambda _: True), server.url())
    ).reason == "remote_url"


async def test_redirects_are_followed_and_checked(server: Server) -> None:
    for at in range(5):
        server.answers[f"/{at}"] = answer(b"", "302 Found", location=f"/{at + 1}")
    server.answers["/5"] = answer()
    await fetching(server).fetch(server.url("/2"))
    assert (await refused(fetching(server), server.url("/1"))).reason == "remote_redirects"


async def test_where_a_redirect_leads_is_checked_again(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS that answers differently a second time, too: each connection looks up once, and checks that."""
    found = iter(("127.0.0.1", "10.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1", "127.0.0.1"))
    monkeypatch.setattr(
        remote.socket, "getaddrinfo", lambda host, port, **_: [(2, 1, 6, "", (next(found), port))]
    )
    for to, code in (
        (server.url("/x.png", host="inner.example"), "remote_address"),
        ("http://inner.example/", "remote_url"),  # another port
        ("file:///etc/passwd", "remote_url"),
        (server.url("/x.png", host="a:b@inner.example"), "remote_url"),
    ):
        server.answers["/to"] = answer(b"", "301 Moved", location=to)
        assert (await refused(fetching(server), server.url("/to", host="outer.example"))).reason == code, to
    assert len(server.heads) == 4
    assert all(b" /to " in head for head in server.heads)


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (answer(b"no", "404 Not Found"), "remote_status"),
        (answer(b"", "304 Not Modified"), "remote_status"),
        (answer(content_encoding="gzip"), "remote_type"),
        (answer(b"<html>please log in</html>", content_type="text/html"), "remote_type"),
        (answer(b"", content_type=""), "remote_type"),
        (answer(bytes(100_001)), "remote_too_large"),
        (answer(b"x", content_length="9" * 12), "remote_too_large"),
        (answer(bytes(100_001), content_length=""), "remote_too_large"),
        (answer(b"x", content_length="100"), "remote_connection"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"y" * 200_000, "remote_connection"),
        (b"SSH-2.0-OpenSSH\r\n", "remote_connection"),
        (b"", "remote_connection"),
    ],
    ids=[
        "404", "304", "gzip", "html", "nothing", "too large", "declared too large", "too large, not declared",
        "cut off", "headers without end", "no http", "closed",
    ],
)  # fmt: skip
async def test_answers_that_are_no_image(server: Server, reply: bytes, code: str) -> None:
    server.answers["/x.png"] = reply
    assert (await refused(fetching(server), server.url())).reason == code


@pytest.mark.parametrize("declared", ["", "application/octet-stream", "image/webp"])
async def test_the_content_counts(server: Server, declared: str) -> None:
    server.answers["/x.png"] = answer(content_type=declared)
    await fetching(server).fetch(server.url())


async def test_a_server_that_is_slow_or_endless(server: Server) -> None:
    async def silent(writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async def byte_by_byte(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: image/png\r\n\r\n")
        while True:
            writer.write(b"1\r\nx\r\n" * 1000)
            await writer.drain()

    server.answers |= {"/silent": silent, "/bytes": byte_by_byte}
    for path in ("/silent", "/bytes"):
        images = fetching(server, remote_image_s=0.3)
        error = await refused(images, server.url(path))
        assert (error.reason, "0.3 s" in error.message) == ("remote_timeout", True)
        assert not images._fetching


async def test_so_many_at_once_and_no_more(server: Server) -> None:
    inside, leave = asyncio.Semaphore(0), asyncio.Event()

    async def waits(writer: asyncio.StreamWriter) -> None:
        inside.release()
        await leave.wait()
        writer.write(answer())

    server.answers["/x.png"] = waits
    images, ann, bob = fetching(server), Client("ann"), Client("bob")
    running = [asyncio.create_task(images.fetch(server.url(), client=ann)) for _ in range(4)]
    for _ in running:
        await inside.acquire()
    with pytest.raises(Busy) as caught:
        await images.fetch(server.url(), client=ann)
    assert caught.value.reason == "overloaded"
    running.append(asyncio.create_task(images.fetch(server.url(), client=bob)))
    await inside.acquire()
    leave.set()
    await asyncio.gather(*running)
    assert not images._fetching


async def test_what_does_not_fit_is_not_kept(server: Server) -> None:
    def full(size: int) -> None:
        raise Busy("full", code="overloaded")

    with pytest.raises(Busy):
        await fetching(server).fetch(server.url(), grow=full)


async def test_a_certificate_is_checked_under_the_hosts_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    made, authority = Server(), trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("pictures.example").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    monkeypatch.setattr(
        remote.socket, "getaddrinfo", lambda host, port, **_: [(2, 1, 6, "", ("127.0.0.1", port))]
    )
    async with await asyncio.start_server(made.serve, "127.0.0.1", 0, ssl=context) as listening:
        made.port = listening.sockets[0].getsockname()[1]
        allowed = ("127.0.0.1",).__contains__
        for tls, host, fetched in (
            (trusting, "pictures.example", True),
            (trusting, "other.example", False),
            (None, "pictures.example", False),
        ):
            images = RemoteImages(Limits(), is_allowed=allowed, ports=(made.port,), tls=tls)
            url = made.url(host=host, scheme="https")
            if fetched:
                await images.fetch(url)
            else:
                assert (await refused(images, url)).reason == "remote_connection"
    assert len(made.heads) == 1
