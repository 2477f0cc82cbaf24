"""The control socket of the owner of a state folder: a Unix socket that only its user can reach.

`api/serving` opens it; `ps`, `load`, `stop` and `pin` find its path in the owner's record (`ownership`).
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from viewfinder.core.paths import SOCKET_PATH_LIMIT, private, run_places
from viewfinder.host.ownership import OwnerLock
from viewfinder.host.sockets import BACKLOG


def control_path(home: Path) -> Path:
    """`control.sock` in the state folder, or in a shorter one where that path is too long for a socket."""
    path = home / "control.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path
    return private(run_places(home)[1]) / path.name


@contextmanager
def control_socket(lock: OwnerLock) -> Iterator[socket.socket]:
    """A listening socket; removed afterwards. It replaces one that a dead owner left."""
    path = control_path(lock.home)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        try:
            path.chmod(0o600)
            listener.listen(BACKLOG)
            yield listener
        finally:
            path.unlink(missing_ok=True)
