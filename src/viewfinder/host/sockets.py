"""Where the gateway and engines listen: the gateway's TCP port, and private Unix socket paths.

`cli` and `api` bind the gateway's port here before anything else starts; `fleet` gets engines' paths here.
When the port is in use, the program that holds it is named and left alone.
"""

import errno
import json
import os
import socket
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from viewfinder.core.errors import AlreadyRunning, BadRequest, PortInUse, ViewfinderError
from viewfinder.core.paths import SOCKET_PATH_LIMIT, private
from viewfinder.host.listeners import Holder, holder_of

BACKLOG = 512
PROBE_S = 1.0
"""How long the holder of a port may take to identify itself as a Viewfinder."""
ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True)
class Bound:
    """A socket that already listens: a client may connect before the server runs, and waits for it."""

    socket: socket.socket
    host: str
    port: int
    moved_from: Holder | None = None
    """The program that holds the requested port, when this is another one."""


def socket_path(folder: Path, name: str) -> Path:
    """A path for a Unix socket in a folder that only its owner can enter; `name` is used once."""
    path = private(folder) / f"{name}.sock"
    if len(os.fsencode(path)) > SOCKET_PATH_LIMIT:
        raise ViewfinderError(
            f"The path of a socket is too long for this system: {path}.",
            hint="Set VIEWFINDER_HOME to a folder with a shorter path.",
        )
    return path


def bind_port(host: str, port: int, *, strict: bool, tries: int = 20) -> Bound:
    """Listen on the port, or on one of the `tries` after it when a foreign program holds it; 0: any port.

    Raises AlreadyRunning when a Viewfinder holds it, PortInUse when `strict` or when none is free, and
    BadRequest when this computer has no such address.
    """
    host = host.removeprefix("[").removesuffix("]")
    family, address = _resolve(host)
    holder: Holder | None = None
    for candidate in range(port, min(port + (0 if strict else tries), 65535) + 1):
        listener = _listen(family, address, candidate)
        if listener is not None:
            return Bound(listener, host, listener.getsockname()[1], holder)
        if candidate == port:
            if _is_viewfinder(address, port):
                raise AlreadyRunning(
                    f"Another Viewfinder already listens at {url(host, port)}.",
                    hint="Use that one, or choose another port with --port.",
                )
            holder = holder_of(port)
    raise PortInUse(
        f"Port {port} is used by {holder}"
        + ("." if strict else f", and the {tries} ports after it are in use too."),
        hint="Choose another one with --port" + (", or leave out --strict-port." if strict else "."),
    )


def url(host: str, port: int) -> str:
    """The base URL of a host and port; an IPv6 address gets its brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _resolve(host: str) -> tuple[socket.AddressFamily, str]:
    """The address to bind: IPv4 where a name has both, because every client tries it."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, ValueError):  # ValueError: what can be no name at all
        raise BadRequest(
            f"'{host}' is not an address of this computer.", hint="127.0.0.1 is always one.", param="host"
        ) from None
    family, _, _, _, address = min(found, key=lambda one: one[0] != socket.AF_INET)
    return family, str(address[0])


def _listen(family: socket.AddressFamily, address: str, port: int) -> socket.socket | None:
    """A listening socket; None when another program listens there."""
    if sys.platform != "linux" and port and _answers(address, port):
        return None  # BSD kernels would let us listen beside a wildcard listener, and take its visitors
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # past connections do not matter
        listener.bind((address, port))
        listener.listen(BACKLOG)  # two may bind one port while neither listens
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            return None
        if error.errno == errno.EACCES:
            raise PortInUse(
                f"Only an administrator may listen on port {port}.",
                hint="Choose a port above 1023 with --port.",
            ) from None
        raise BadRequest(
            f"Cannot listen on {address}: {error.strerror}.", hint="127.0.0.1 always works.", param="host"
        ) from None
    return listener


def _answers(address: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((reachable(address), port), timeout=0.2):
        return True
    return False


def _is_viewfinder(address: str, port: int) -> bool:
    """Whether the listener identifies itself at GET /health; any other program gets one harmless request."""
    give_up_s = time.monotonic() + PROBE_S
    authority = url(reachable(address), port).removeprefix("http://")
    answer = b""
    with suppress(OSError), socket.create_connection((reachable(address), port), PROBE_S) as connection:
        connection.sendall(f"GET /health HTTP/1.0\r\nHost: {authority}\r\n\r\n".encode())
        while len(answer) < ANSWER_BYTES:
            connection.settimeout(max(0.001, give_up_s - time.monotonic()))
            received = connection.recv(ANSWER_BYTES)
            if not received:
                break
            answer += received
    # also when the time is up: a server may reply in full and keep the connection open
    try:
        health = json.loads(answer.partition(b"\r\n\r\n")[2])
    except ValueError:
        return False
    return isinstance(health, dict) and health.get("service") == "viewfinder"


def reachable(address: str) -> str:
    """The address to connect to, on this computer, for a server that is bound to this one."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address, address)  # noqa: S104
