"""Which process listens on a TCP port; called by `host/sockets`, and by `fleet` for some engines.

An engine that cannot use a Unix socket listens on a loopback port, which another program may take before or
after it. So it gets a port that is free at that moment and a key that is new at each start, and nothing is
sent to the port unless its listener is proven to be our child.
"""

import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

LOOPBACK = "127.0.0.1"
LISTENING = "0A"
"""Linux's number of that state in /proc/net/tcp."""


@dataclass(frozen=True)
class Holder:
    """The program that listens on a port; `pid` is None when the system does not say."""

    pid: int | None
    program: str

    def __str__(self) -> str:
        return self.program if self.pid is None else f"{self.program} (process {self.pid})"


def holder_of(port: int) -> Holder:
    """The program that listens on the TCP port; every system can name it when it is this user's."""
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if _listens(process, port):
                return Holder(process.pid, process.name())
    return Holder(None, "a program of another user")


def free_port() -> int:
    """A loopback port that is free now; another program may take it before its engine does."""
    with socket.create_server((LOOPBACK, 0)) as listener:
        return int(listener.getsockname()[1])


def is_held_by(port: int, pids: Iterable[int]) -> bool:
    """Whether a connection to this loopback port reaches one of these processes and cannot reach another.

    False while no process listens. A port may have several listeners (SO_REUSEPORT): on Linux all of them
    must belong to these processes; on macOS a second one of this user is not noticed. Takes about 1 ms.
    """
    if sys.platform == "linux":
        listeners = set(_listeners(port))
        return bool(listeners) and listeners <= set(_sockets(pids))
    for pid in pids:
        with suppress(psutil.Error):
            if _listens(psutil.Process(pid), port):
                return True
    return False


def _listens(process: psutil.Process, port: int) -> bool:
    return any(
        connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
        for connection in process.net_connections("tcp")
    )


def _listeners(port: int) -> Iterator[str]:
    """The inodes of the sockets that a connection to 127.0.0.1 may reach; Linux only."""
    loopback = f"{int.from_bytes(socket.inet_aton(LOOPBACK), sys.byteorder):08X}"
    mapped = "0" * 16 + f"{int.from_bytes(bytes.fromhex('0000FFFF'), sys.byteorder):08X}" + loopback
    places = {f"{address}:{port:04X}" for address in (loopback, mapped, "0" * 8, "0" * 32)}
    for table in ("tcp", "tcp6"):
        with suppress(FileNotFoundError):  # a kernel without IPv6
            for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
                words = line.split()
                if words[3] == LISTENING and words[1] in places:
                    yield words[9]


def _sockets(pids: Iterable[int]) -> Iterator[str]:
    """The inodes of the sockets that these processes have open; Linux only."""
    for pid in pids:
        with suppress(OSError):  # it has ended
            for file in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):  # it was closed
                    target = str(file.readlink())
                    if target.startswith("socket:["):
                        yield target[8:-1]
