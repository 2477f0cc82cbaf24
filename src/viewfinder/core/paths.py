"""Where Viewfinder keeps its files; called by api and cli, which pass the folders on.

`VIEWFINDER_HOME` moves all of them, so that users and tests are kept apart.
"""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_state_path

SOCKET_PATH_LIMIT = 100
"""The most bytes in a Unix socket's path; Linux allows 107, macOS 103."""


def home() -> Path:
    """The state folder with results, logs and the lock; created with mode 0700 when missing."""
    chosen = os.environ.get("VIEWFINDER_HOME")
    folder = Path(chosen) if chosen else user_state_path("viewfinder", appauthor=False)
    return private(folder)


@dataclass(frozen=True, slots=True)
class Folders:
    """Where an owner of server processes keeps their sockets, their logs and its own state."""

    run: Path
    logs: Path
    state: Path


def folders() -> Folders:
    """Those of this process."""
    return Folders(run_folder(), log_folder(), home())


def results_file() -> Path:
    """The SQLite file with every exchange that was measured here."""
    return home() / "results.sqlite"


def pulled_file() -> Path:
    """The record of the files that were pulled, each with its commit, size and hash."""
    return home() / "pulled.json"


def log_folder() -> Path:
    """The folder of the engines' logs, one file for each model."""
    return private(home() / "logs")


def event_file() -> Path:
    """The events of `serve`, one JSON object on each line."""
    return log_folder() / "events.jsonl"


def run_folder() -> Path:
    """The folder of this process's engine sockets, mode 0700, with a path short enough for a socket in it."""
    place, short_place = run_places(home())
    if len(os.fsencode(place / str(os.getpid()))) + len("/0000000000.sock") > SOCKET_PATH_LIMIT:
        place = private(short_place)
    return private(place / str(os.getpid()))


def run_places(home: Path) -> tuple[Path, Path]:
    """Where the run folders of a home may be: in it, or in the temporary folder when its path is too long."""
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:8]
    return home / "run", Path(tempfile.gettempdir()) / f"viewfinder-{os.getuid()}-{name}"


def private(folder: Path) -> Path:
    """Create the folder, readable by its owner only, and return it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid == os.getuid():
        folder.chmod(0o700)
        return folder
    raise PermissionError(f"{folder} belongs to another user")
