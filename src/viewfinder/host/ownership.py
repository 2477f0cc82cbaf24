"""The owner of a state folder (one `viewfinder serve` at a time), and the owner of each run folder in it.

`api` takes the lock before it binds its port, and opens the control socket, which only its user can reach;
`ask` and a second `serve` look up its owner, and `ps`, `load`, `stop` and `pin` its control socket (`owner`).
A fleet that is embedded in another program holds no lock: it has its own run folder, with its identity in it.
"""

import json
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from viewfinder.core.errors import AlreadyRunning, ViewfinderError
from viewfinder.core.paths import SOCKET_PATH_LIMIT, private, run_places, short_folder
from viewfinder.host import records
from viewfinder.host.owner import Owner, lock_file, record_file, recorded
from viewfinder.host.records import Identity, this_process
from viewfinder.host.sockets import BACKLOG

RUN_OWNER = "owner.json"
"""The file of a run folder that identifies its owner."""

LOCK_WAIT_S = 0.25
"""`running_owner` holds the lock for an instant, so only a lock that stays held for this long is taken."""


class OwnerLock:
    """The lock of a state folder, held by this process until `release` or its end."""

    def __init__(self, home: Path, lock: FileLock) -> None:
        self.home = home
        self._lock = lock

    @classmethod
    def acquire(cls, home: Path) -> "OwnerLock":
        """Become the owner; raises AlreadyRunning, which names the present one."""
        lock = _lock(private(home))
        try:
            lock.acquire(timeout=LOCK_WAIT_S, poll_interval=0.01)
        except Timeout:
            owner = recorded(home)
            raise AlreadyRunning(
                f"Another Viewfinder{f' (process {owner.pid})' if owner.pid else ''} owns {home}"
                + (f" and listens at {owner.url}." if owner.url else ", and is just starting."),
                hint="Use that one, stop it, or set VIEWFINDER_HOME to another folder.",
            ) from None
        except NotImplementedError:
            raise ViewfinderError(
                f"The file system of {home} has no locks, and without one two servers could share it.",
                hint="Set VIEWFINDER_HOME to a folder on a local disk.",
                code="no_locks",
            ) from None
        owned = cls(home, lock)
        try:
            owned.announce("")
        except OSError:  # a full disk
            lock.release()
            raise
        return owned

    def announce(self, url: str, control: str = "") -> None:
        """Record where this owner listens, and its control socket, for `running_owner`."""
        record = record_file(self.home)
        draft = record.with_suffix(".new")
        draft.write_text(json.dumps(asdict(Owner(os.getpid(), url, control))))
        draft.replace(record)

    def release(self) -> None:
        """Give the folder up; a second call does nothing."""
        if self._lock.is_locked:
            record_file(self.home).unlink(missing_ok=True)
            self._lock.release()


def control_path(home: Path) -> Path:
    """`control.sock` in the state folder, or in a shorter one where that path is too long for a socket."""
    path = home / "control.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path
    return short_folder(home) / path.name


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


def claim(folder: Path) -> None:
    """Record that this run folder is ours: its name alone would also fit a later process with our pid."""
    records.write(folder / RUN_OWNER, this_process())


def give_up(folder: Path) -> None:
    """Remove our run folder, unless another fleet of this process still uses it."""
    with suppress(OSError):  # another thread may start one just now
        if [file.name for file in folder.iterdir()] == [RUN_OWNER]:
            (folder / RUN_OWNER).unlink()
            folder.rmdir()


def run_folders(home: Path) -> list[Path]:
    """The run folders of all processes, dead or alive."""
    found: list[Path] = []
    for place in run_places(home):
        with suppress(OSError):  # there is none, or it cannot be read
            seen = place.lstat()
            if stat.S_ISDIR(seen.st_mode) and seen.st_uid == os.getuid():
                found += (folder for folder in place.iterdir() if folder.name.isdigit())
    return found


def is_abandoned(folder: Path) -> bool:
    """Whether the owner of a run folder is dead; without a record, whether its pid belongs to no process."""
    try:
        return not Identity.model_validate_json((folder / RUN_OWNER).read_bytes()).is_alive()
    except (OSError, ValueError):
        return not psutil.pid_exists(int(folder.name))


def _lock(home: Path) -> FileLock:
    return FileLock(lock_file(home), thread_local=False)
