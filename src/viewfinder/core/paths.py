"""Where Viewfinder keeps things; called by api and cli, which hand the folders down.

`VIEWFINDER_HOME` moves everything, so that two users, or a test, never meet.
"""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_state_path

SOCKET_PATH_LIMIT = 100
"""Bytes of a Unix socket's path; Linux allows 107, macOS 103."""


def home() -> Path:
    """The state folder: results, logs, the lock; created 0700 when it is not there."""
    chosen = os.environ.get("VIEWFINDER_HOME")
    folder = Path(chosen) if chosen else user_state_path("viewfinder", appauthor=False)
    return private(folder)


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the owner of server processes keeps their sockets, their logs, and what it learns of them."""

    run: Path
    logs: Path
    state: Path


def folders() -> Folders:
    """This process's own."""
    return Folders(run_folder(), log_folder(), home())


def results_file() -> Path:
    """The SQLite file of every exchange that was ever measured here."""
    return home() / "results.sqlite"


def pulled_file() -> Path:
    """The record of every file that was pulled, with its commit, size and hash."""
    return home() / "pulled.json"


def log_folder() -> Path:
    """The folder of the engines' logs, one file a model."""
    return private(home() / "logs")


def event_file() -> Path:
    """What happened to the server processes of `serve`, one JSON object a line."""
    return log_folder() / "events.jsonl"


def run_folder() -> Path:
    """The folder of this process's engine sockets, 0700; short enough for a Unix socket's path."""
    place, short_place = run_places(home())
    if len(os.fsencode(place / str(os.getpid()))) + len("/0000000000.sock") > SOCKET_PATH_LIMIT:
        place = private(short_place)
    return private(place / str(os.getpid()))


def run_places(home: Path) -> tuple[Path, Path]:
    """Where the run folders of a home may be: in it, or, when its path is too long for sockets, elsewhere."""
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:8]
    return home / "run", Path(tempfile.gettempdir()) / f"viewfinder-{os.getuid()}-{name}"


def private(folder: Path) -> Path:
    """Make the folder, readable by its owner only, and return it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid == os.getuid():
        folder.chmod(0o700)
        return folder
    raise PermissionError(f"{folder} belongs to another user")
