"""Who owns a state folder: one `viewfinder serve` at a time, found by everybody else.

`cli serve` takes the lock before it binds its port; `ask` and a second `serve` look up who holds it.
The kernel frees the lock when its holder dies, so a record on disk is believed only while it is held.
"""

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from viewfinder.core.errors import AlreadyRunning
from viewfinder.core.paths import private

LOOK_S = 0.25
"""A look at the lock holds it for an instant: the lock is taken only when it stays so for this long."""


@dataclass(frozen=True)
class Owner:
    """Who holds the lock; `pid` is 0 and `url` empty as long as it has not said so."""

    pid: int
    url: str


class OwnerLock:
    """The lock of a state folder, held by this process until `release` or its end."""

    def __init__(self, home: Path, lock: FileLock) -> None:
        self.home = home
        self._lock = lock

    @classmethod
    def acquire(cls, home: Path) -> "OwnerLock":
        """Become the owner; AlreadyRunning says who is."""
        lock = _lock(private(home))
        try:
            lock.acquire(timeout=LOOK_S, poll_interval=0.01)
        except Timeout:
            owner = _recorded(home)
            raise AlreadyRunning(
                f"Another Viewfinder{f' (process {owner.pid})' if owner.pid else ''} owns {home}"
                + (f" and listens at {owner.url}." if owner.url else ", and is just starting."),
                hint="Use that one, stop it, or set VIEWFINDER_HOME to another folder.",
            ) from None
        owned = cls(home, lock)
        try:
            owned.announce("")
        except OSError:  # a full disk
            lock.release()
            raise
        return owned

    def announce(self, url: str) -> None:
        """Record where this owner listens, for `running_owner`."""
        record = _record(self.home)
        draft = record.with_suffix(".new")
        draft.write_text(json.dumps(asdict(Owner(os.getpid(), url))))
        draft.replace(record)

    def release(self) -> None:
        """Give the folder up; a second call does nothing."""
        if self._lock.is_locked:
            _record(self.home).unlink(missing_ok=True)
            self._lock.release()


def running_owner(home: Path) -> Owner | None:
    """Who owns the folder now; None when nobody does."""
    if not home.is_dir():
        return None
    lock = _lock(home)
    try:
        with lock.acquire(timeout=0):
            return None
    except Timeout:
        return _recorded(home)


def sweep_run_folders(home: Path) -> list[str]:
    """Remove the socket folders of processes that are dead, and return their paths; no process is touched.

    A folder whose pid means another process by now is kept until that ends, too.
    """
    removed = []
    for folder in dead_run_folders(home):
        shutil.rmtree(folder, ignore_errors=True)  # another sweep may be at it
        removed.append(str(folder))
    return removed


def dead_run_folders(home: Path) -> list[Path]:
    """The socket folders of processes that are dead."""
    found: list[Path] = []
    for parent in (home / "run", _short_run_folder(home)):
        if not parent.is_dir() or parent.is_symlink() or parent.stat().st_uid != os.getuid():
            continue
        folders = (folder for folder in parent.iterdir() if folder.name.isdigit())
        found += (folder for folder in folders if not psutil.pid_exists(int(folder.name)))
    return found


def _lock(home: Path) -> FileLock:
    return FileLock(home / "owner.lock", thread_local=False)


def _record(home: Path) -> Path:
    return home / "owner.json"


def _recorded(home: Path) -> Owner:
    """What the holder of the lock has recorded; the record of one that died is not its word."""
    try:
        record = json.loads(_record(home).read_text())
        owner = Owner(int(record["pid"]), str(record["url"]))
    except (OSError, ValueError, KeyError, TypeError):
        return Owner(0, "")
    return owner if psutil.pid_exists(owner.pid) else Owner(0, "")


def _short_run_folder(home: Path) -> Path:
    """Where `core/paths.run_folder` goes when `home` is too long for a socket's path."""
    place = hashlib.sha256(os.fsencode(home)).hexdigest()[:8]
    return Path(tempfile.gettempdir()) / f"viewfinder-{os.getuid()}-{place}"
