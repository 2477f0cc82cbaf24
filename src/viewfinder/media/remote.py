"""Fetches images and clips from web addresses, for clients that can send nothing else.

Called by the gateway, and only where `remote_images = true` is set.

    the address    http or https, the standard ports, no password in it
    its host       looked up once for each connection; if any address of it is not public, none is connected
                   to. The connection goes to an address that was checked, under the host's own name (TLS)
    redirects      at most 3, each checked like the first
    the answer     200, an image, not compressed, within the limits of size and time
    never          cookies, proxies of the environment, keys of the client
"""

import asyncio
import base64
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from ssl import SSLContext
from typing import Any, Literal

import httpcore2

from viewfinder.core.config import Limits
from viewfinder.core.errors import Busy, InvalidImage
from viewfinder.core.version import VERSION
from viewfinder.media.addresses import PORTS, RemoteAddress, is_public, redirected, remote_address
from viewfinder.media.clip_kind import clip_kind
from viewfinder.media.fairness import NOBODY, Client
from viewfinder.media.header import Refused, read_header

MOST_REDIRECTS = 3
MOST_AT_ONCE, MOST_OF_A_CLIENT = 16, 4
CONNECT_WITHIN_S = 5.0
MOST_ADDRESSES = 4
"""Of one host, to which a connection is tried."""
MOST_PIECES = 65_536
"""Of one answer: a server that sends single bytes would keep the processor busy."""
SNIFFED_BYTES = 1024
RETRY_S = 5.0
FETCHED_START = b"data:;base64,"
REDIRECTS = (301, 302, 303, 307, 308)

VIDEO = "video/"
Fetched = Literal["image", "clip"]
MEDIA_TYPES: dict[Fetched, tuple[str, ...]] = {"image": ("image/",), "clip": (VIDEO, "image/")}
"""The media types that are accepted for what is fetched."""
SEND_ITSELF = "Send the {what}'s file itself, as a data URL."
REMOTE_FAULTS: dict[str, tuple[str, str]] = {
    "remote_url": (
        "The {what}'s address is not one that is fetched.",
        "It needs http or https, a host, port 80 or 443, and no user name, blank or backslash.",
    ),
    "remote_address": ("The {what}'s address is not one of the public internet.", SEND_ITSELF),
    "remote_host": ("The host of the image's address was not found.", "Check the address."),
    "remote_connection": ("The {what}'s server could not be reached.", "Check the address, or try again."),
    "remote_timeout": ("The {what} did not arrive within {most:g} s.", SEND_ITSELF),
    "remote_too_large": ("The {what}'s file has more than {most:,} bytes.", "Use a smaller one."),
    "remote_redirects": ("The {what}'s address redirects more than {most} times.", "Use the last address."),
    "remote_status": ("The {what}'s server answered with status {status}.", "Check the address."),
    "remote_type": ("What the {what}'s address leads to is none.", "Use the address of the file."),
}
"""Code: message, hint. Nothing of the server's answer is repeated."""


class RemoteImages:
    """Fetches for one intake. `is_allowed` and `ports` are other ones only in tests."""

    def __init__(
        self,
        limits: Limits,
        *,
        is_allowed: Callable[[str], bool] = is_public,
        ports: Iterable[int] = PORTS.values(),
        tls: SSLContext | None = None,
    ) -> None:
        self.limits = limits
        self._is_allowed = is_allowed
        self._ports = frozenset(ports)
        self._tls = tls
        self._fetching: Counter[str] = Counter()
        self._resolver = ThreadPoolExecutor(4, "resolver")

    async def fetch(
        self,
        url: str,
        *,
        client: Client = NOBODY,
        grow: Callable[[int], None] = lambda size: None,
        what: Fetched = "image",
    ) -> memoryview:
        """The file at an address as a data URL. `grow` is called with the size of each piece before it is
        kept. Raises InvalidImage, Busy, and what `grow` raises."""
        limits = self.limits
        details: dict[str, Any] = {"most": limits.remote_image_s}
        try:
            with self._counted(client):
                async with asyncio.timeout(limits.remote_image_s):
                    return await self._followed(url, grow, what)
        except TimeoutError:
            fault = "remote_timeout"
        except Refused as refused:
            fault, details = refused.fault, refused.details
        message, hint = REMOTE_FAULTS[fault]
        raise InvalidImage(message.format(what=what, **details), hint=hint.format(what=what), code=fault)

    @contextmanager
    def _counted(self, client: Client) -> Iterator[None]:
        fetching = self._fetching
        if fetching.total() >= MOST_AT_ONCE or fetching[client.name] >= MOST_OF_A_CLIENT:
            raise Busy(
                "Too many images are being fetched.",
                retry_after_s=RETRY_S,
                hint=SEND_ITSELF.format(what="image"),
                code="overloaded",
            )
        fetching[client.name] += 1
        try:
            yield
        finally:
            fetching[client.name] -= 1
            fetching += Counter()  # forgets the clients that have none

    async def _followed(self, url: str, grow: Callable[[int], None], what: Fetched) -> memoryview:
        for _ in range(MOST_REDIRECTS + 1):
            address = remote_address(url)
            if address.port not in self._ports:
                raise Refused("remote_url")
            async with self._answer(address, MEDIA_TYPES[what]) as answer:
                if answer.status not in REDIRECTS:
                    return await self._file(answer, grow, MEDIA_TYPES[what])
                url = redirected(url, _header(answer, b"location"))
        raise Refused("remote_redirects", most=MOST_REDIRECTS)

    @asynccontextmanager
    async def _answer(
        self, address: RemoteAddress, kinds: Sequence[str]
    ) -> AsyncIterator[httpcore2.Response]:
        if self._tls is None and address.scheme == "https":
            self._tls = await asyncio.to_thread(httpcore2.default_ssl_context)  # reads all certificates
        backend = CheckedConnections(self._resolver, self._is_allowed)
        url = httpcore2.URL(
            scheme=address.scheme.encode(),
            host=address.host.encode(),
            port=address.port,
            target=address.target.encode(),
        )
        headers: dict[bytes | str, bytes | str] = {
            "Host": address.host_header,
            "User-Agent": f"viewfinder/{VERSION}",
            "Accept": ", ".join(f"{kind}*" for kind in kinds),
            "Accept-Encoding": "identity",
        }
        waits = dict.fromkeys(("read", "write", "pool"), self.limits.remote_image_s)
        waits["connect"] = CONNECT_WITHIN_S
        try:
            async with (
                httpcore2.AsyncConnectionPool(
                    ssl_context=self._tls, network_backend=backend, max_connections=1
                ) as pool,
                pool.stream("GET", url, headers=headers, extensions={"timeout": waits}) as answer,
            ):
                yield answer
        except httpcore2.TimeoutException:
            raise TimeoutError from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, OSError, ValueError):
            raise Refused("remote_connection") from None

    async def _file(
        self, answer: httpcore2.Response, grow: Callable[[int], None], kinds: tuple[str, ...]
    ) -> memoryview:
        if answer.status != 200:
            raise Refused("remote_status", status=answer.status)
        if _header(answer, b"content-encoding").lower() not in ("", "identity"):
            raise Refused("remote_type")
        most = self.limits.remote_image_bytes
        declared = _header(answer, b"content-length")
        if len(declared) > 18 or (declared.isdecimal() and int(declared) > most):
            raise Refused("remote_too_large", most=most)
        file, rest, size, pieces = bytearray(FETCHED_START), b"", 0, 0
        async for piece in answer.aiter_stream():
            size, pieces = size + len(piece), pieces + 1
            if size > most or pieces > MOST_PIECES:
                raise Refused("remote_too_large", most=most)
            grow(len(piece) * 4 // 3)
            rest += piece
            whole = len(rest) // 3 * 3
            file += base64.b64encode(rest[:whole])
            rest = rest[whole:]
            await asyncio.sleep(0)  # many small pieces may be there already
        file += base64.b64encode(rest)
        is_meant = _is_clip if VIDEO in kinds else _is_image
        if not _header(answer, b"content-type").lower().startswith(kinds) and not is_meant(file):
            raise Refused("remote_type")
        return memoryview(bytes(file))


class CheckedConnections(httpcore2.AsyncNetworkBackend):
    """Connects to hosts all of whose addresses are allowed: to the very addresses that were checked."""

    def __init__(self, resolver: ThreadPoolExecutor, is_allowed: Callable[[str], bool]) -> None:
        self._resolver, self._is_allowed = resolver, is_allowed
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 (the interface's own)
        local_address: str | None = None,
        socket_options: Any = None,
    ) -> httpcore2.AsyncNetworkStream:
        for address in (await self._checked(host, port))[:MOST_ADDRESSES]:
            with suppress(httpcore2.ConnectError, httpcore2.ConnectTimeout):
                return await self._inner.connect_tcp(address, port, timeout, local_address, socket_options)
        raise Refused("remote_connection")

    async def _checked(self, host: str, port: int) -> list[str]:
        look_up = partial(socket.getaddrinfo, host, port, type=socket.SOCK_STREAM)
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._resolver, look_up)
        except (OSError, UnicodeError):
            raise Refused("remote_host") from None
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        if not addresses or not all(map(self._is_allowed, addresses)):
            raise Refused("remote_address")
        return addresses


def _header(answer: httpcore2.Response, name: bytes) -> str:
    return (
        next((value for key, value in answer.headers if key.lower() == name), b"").decode("latin-1").strip()
    )


def _is_image(file: bytearray) -> bool:
    """By its beginning: an image, even one that is not supported."""
    try:
        read_header(_beginning(file))
    except Refused as refused:
        return refused.fault not in ("not_an_image", "empty")
    return True


def _is_clip(file: bytearray) -> bool:
    try:
        clip_kind(_beginning(file))
    except Refused as refused:
        return refused.fault not in ("not_a_clip", "empty")
    return True


def _beginning(file: bytearray) -> bytes:
    return base64.b64decode(file[len(FETCHED_START) : len(FETCHED_START) + SNIFFED_BYTES])
