"""Who owns a state folder now, as others see it; called by `ownership`, and by `api` for `ps` and `ask`.

The kernel frees the lock when its holder dies, so the record on disk is valid only while the lock is held.
"""

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Owner:
    """The process that holds the lock; `pid` is 0 and the others empty until it has recorded them.

    `control` is the path of its control socket.
    """

    pid: int
    url: str
    control: str = ""


def running_owner(home: Path) -> Owner | None:
    """The present owner of the folder; None when there is none."""
    try:
        lock = os.open(lock_file(home), os.O_RDWR)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:  # a disk that is read-only here: whoever wrote the record may still run
        owner = recorded(home)
        return owner if owner.pid else None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return recorded(home)
    except OSError:  # a file system without locks, on which nobody can own it
        return None
    finally:
        os.close(lock)
    return None


def lock_file(home: Path) -> Path:
    return home / "owner.lock"


def record_file(home: Path) -> Path:
    return home / "owner.json"


def recorded(home: Path) -> Owner:
    """The record of the lock's holder; an empty one when the record is of a process that died."""
    try:
        record = json.loads(record_file(home).read_text())
        owner = Owner(int(record["pid"]), str(record["url"]), str(record.get("control", "")))
    except (OSError, ValueError, KeyError, TypeError):
        return Owner(0, "")
    return owner if _exists(owner.pid) else Owner(0, "")


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:  # another user's
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return pid > 0
