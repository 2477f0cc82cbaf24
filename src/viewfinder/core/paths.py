"""Where Viewfinder keeps its files; called by api and cli, which pass the folders on.

`VIEWFINDER_HOME` moves all of them, so that users and tests are kept apart.
"""

import errno
import hashlib
import os
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_config_path, user_state_path

from viewfinder.core.errors import BadRequest

SOCKET_PATH_LIMIT = 100
"""The most bytes in a Unix socket's path; Linux allows 107, macOS 103."""
CANNOT_WRITE = frozenset({errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOSPC, errno.EDQUOT})
"""A folder cannot be made, and commands that only read may still do their work."""
_OTHERS = 0o077
"""The bits of a mode for everybody but the owner."""
OURS_ALONE = frozenset(("results.sqlite", "sorted.sqlite", "pulled.json", "owner.lock", "keys.json"))
"""Names of files that only a state folder has."""
BESIDE_OURS = frozenset(
    (
        "logs",
        "run",
        "responses",
        "questions",
        "engines",
        "chat_history",
        "huggingface",
        "models",
        "lost+found",
    )
)
"""What may be in one that has none of those yet; the last one is on every new disk."""


def home() -> Path:
    """The state folder with results, logs and the lock, absolute; created with mode 0700 when missing.

    Where it cannot be created (a disk that is read-only), it is as good as empty: what writes gets the error
    of the system, and commands that only read do without. Raises BadRequest when it is not this user's.
    """
    chosen = os.environ.get("VIEWFINDER_HOME")
    folder = _absolute(Path(chosen) if chosen else _default(user_state_path))
    _require_ours_alone(folder)
    return _for_reading(folder)


def user_config_file() -> Path:
    """The settings in the user's own configuration folder; the file need not exist."""
    return _absolute(_default(user_config_path) / "viewfinder.toml")


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


def sorted_file() -> Path:
    """The SQLite file with the answers of `viewfinder sort`, by the hashes of pictures."""
    return home() / "sorted.sqlite"


def pulled_file() -> Path:
    """The record of the files that were pulled, each with its commit, size and hash."""
    return home() / "pulled.json"


def keys_file() -> Path:
    """The hashes of the gateway's named API keys."""
    return home() / "keys.json"


def chat_history_file() -> Path:
    """What was typed in `viewfinder chat`, one line each."""
    return home() / "chat_history"


def responses_folder() -> Path:
    """The folder of the conversations that the gateway keeps for a while."""
    return home() / "responses"


def questions_folder() -> Path:
    """The folder of the user's own questions that were made of rated answers, for `bench --vqa`."""
    return home() / "questions"


def log_folder() -> Path:
    """The folder of the engines' logs, one file for each model."""
    return _for_reading(home() / "logs")


def event_file() -> Path:
    """The events of `serve`, one JSON object on each line."""
    return log_folder() / "events.jsonl"


def access_file() -> Path:
    """Where the access log is written when no other file is named."""
    return log_folder() / "access.jsonl"


def run_folder() -> Path:
    """The folder of this process's engine sockets, mode 0700, with a path short enough for a socket in it."""
    state = private(home())
    place = state / "run"
    if len(os.fsencode(place / str(os.getpid()))) + len("/0000000000.sock") > SOCKET_PATH_LIMIT:
        place = short_folder(state)
    return private(private(place) / str(os.getpid()))


def run_places(home: Path) -> list[Path]:
    """Where the run folders of a home may be: in it, or in the temporary folder when its path is too long."""
    try:
        return [home / "run", _short_place(home)]
    except FileNotFoundError:  # there is no temporary folder that can be written to
        return [home / "run"]


def short_folder(home: Path) -> Path:
    """The private folder for sockets of a home whose own path is too long.

    Everybody may write to the temporary folder it is in: what has its name there is used only if it is a
    folder of this user, and where others could replace it afterwards, it is refused.
    """
    place = _short_place(home)
    hint = f"Set VIEWFINDER_HOME to a folder with a shorter path than {home}: then none is needed there."
    above = place.parent.stat()
    if above.st_uid not in (0, os.getuid()) or (above.st_mode & 0o022 and not above.st_mode & stat.S_ISVTX):
        raise _unsafe(place.parent, "lets other users replace the folders in it", hint)
    return private(place, hint=hint)


def private(folder: Path, *, hint: str = "") -> Path:
    """Create the folder, readable by its owner only, and return it.

    Raises BadRequest when it is another user's, or behind a link that is: somebody else may have put it there
    first, to read or to misdirect what we write.
    """
    for part in (folder, *folder.parents):
        if part.is_symlink() and part.lstat().st_uid not in (0, os.getuid()):
            raise _unsafe(part, "is a link that another user made", hint)
    place = Path(os.path.realpath(folder))  # through links of our own, or of the administrator
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        opened = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except FileExistsError:
        raise _unsafe(folder, "is not a folder", hint) from None
    try:
        seen = os.fstat(opened)
        if seen.st_uid != os.getuid():
            raise _unsafe(folder, "belongs to another user", hint)
        if seen.st_mode & _OTHERS:
            os.fchmod(opened, 0o700)
    finally:
        os.close(opened)
    return folder


def _short_place(home: Path) -> Path:
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:8]
    return Path(tempfile.gettempdir()) / f"viewfinder-{os.getuid()}-{name}"


def _for_reading(folder: Path) -> Path:
    try:
        return private(folder)
    except OSError as error:
        if error.errno in CANNOT_WRITE:
            return folder
        raise


def expanded(path: str | Path) -> Path:
    """The path, with a user's home in place of ~, which services hand over as it is.

    Raises BadRequest for ~ when this user has no home folder: it would become a folder of that name.
    """
    path = Path(path)
    try:
        return path.expanduser()
    except RuntimeError:  # no home folder; or no such user, and it is a name that begins with ~
        if path.parts[0] == "~":
            raise _no_home() from None
        return path


def _require_ours_alone(folder: Path) -> None:
    """Raise BadRequest for a folder that others use for other things, such as / or /tmp: it would be closed
    to them."""
    try:
        seen = folder.stat()
        if not seen.st_mode & _OTHERS or seen.st_uid != os.getuid():
            return
        names = {entry.name for entry in folder.iterdir()}
    except OSError:  # there is none, or `private` says what is wrong with it
        return
    if not (names <= BESIDE_OURS or names & OURS_ALONE):
        hint = f"Set VIEWFINDER_HOME to a folder of its own, for example {folder / 'viewfinder'}."
        raise _unsafe(folder, "is open to other users and has files that are not Viewfinder's", hint)


def _default(find: Callable[..., Path]) -> Path:
    """The user's own folder of a kind. Raises BadRequest when this user has no home folder to have it in."""
    try:
        return find("viewfinder", appauthor=False)
    except RuntimeError:
        raise _no_home() from None


def _absolute(path: Path) -> Path:
    path = expanded(path)
    try:
        return path.absolute()
    except FileNotFoundError:
        raise BadRequest(
            "The working folder no longer exists.",
            hint="Run `cd` to one that does.",
            code="no_working_folder",
        ) from None


def _no_home() -> BadRequest:
    return BadRequest(
        f"There is no home folder: HOME is not set, and the system does not know user {os.getuid()}.",
        hint="Set VIEWFINDER_HOME to a folder that you may write to.",
        code="no_home",
    )


def _unsafe(folder: Path, what: str, hint: str) -> BadRequest:
    return BadRequest(
        f"The folder {folder} {what}, so nothing is kept there.",
        hint=hint or "Set VIEWFINDER_HOME to a folder of your own.",
        code="unsafe_folder",
    )
