"""`everything` and `uninstall`: what Viewfinder has on this disk beside its package; called by `viewfinder
uninstall`.

Removed is what is Viewfinder's by its name or by the record of pulled files. Whatever else lies in its
folders is somebody else's, and stays.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from viewfinder.catalog import pulled, removal
from viewfinder.catalog.hub import repository_folder
from viewfinder.catalog.removal import Removal
from viewfinder.core import paths
from viewfinder.core.errors import AlreadyRunning, BadRequest
from viewfinder.host.arguments import started_with
from viewfinder.host.ownership import OwnerLock

STATE_NAMES = frozenset({
    "results", "sorted", "pulled", "keys", "owner", "control", "hashes", "profiles", "canaries", "upgrades",
    "bench", "chat_history", "logs", "run", "responses", "questions", "engines", "mlx",
    "image_budgets", "costs", "tuning", "tuned",
})  # fmt: skip
"""The beginnings of the names of our files and folders in a state folder, up to the first point or dash."""


@dataclass(frozen=True, slots=True)
class Everything:
    """`entries` are files and folders of ours, with their bytes, `models` what was pulled, `stays` what lies
    in our folders and is not ours, and `package` is the command that removes the package."""

    entries: dict[Path, int]
    models: tuple[Removal, ...]
    stays: tuple[Path, ...]
    package: str

    @property
    def size_bytes(self) -> int:
        return sum(self.entries.values()) + sum(one.size_bytes for one in self.models)


def everything() -> Everything:
    """What there is to remove. Removes nothing. Raises ModelFilesError when the record of pulled files cannot
    be read."""
    home, settings = paths.home(), paths.user_config_file()
    inside = sorted(home.iterdir()) if home.is_dir() else []
    ours = [one for one in inside if _stem(one) in STATE_NAMES]
    short = [one for one in paths.run_places(home) if one.parent != home and one.is_dir()]
    found = [removal.removal_of(repo, paths.pulled_file()) for repo in sorted(_pulled())]
    return Everything(
        {one: _size_bytes(one) for one in (*ours, *short, *([settings] if settings.is_file() else []))},
        tuple(one for one in found if one.paths),
        tuple(one for one in inside if one not in ours),
        _package_command(),
    )


def uninstall(found: Everything) -> None:
    """Remove it; after an interruption the next call removes the rest.

    Raises AlreadyRunning when a Viewfinder uses the state folder, and BadRequest when an engine of any
    program has one of the models loaded: before anything is removed.
    """
    home = paths.home()
    lock = OwnerLock.acquire(home)
    try:
        _require_nobody(home)
        for model in found.models:
            if user := started_with(repository_folder(model.repo)):
                raise BadRequest(
                    f"'{model.repo}' is used by {user[1]} (process {user[0]}).",
                    hint="Stop that program first.",
                )
        for model in found.models:
            removal.remove(model, paths.pulled_file())
        for entry in found.entries:
            _remove(entry)
    finally:
        lock.release()
    for left in (*_named(home, "owner"), *_named(home, "pulled")):  # locks that were held until here
        _remove(left)
    for folder in (home, paths.user_config_file().parent):
        with suppress(OSError):  # it has files of others, or is gone
            folder.rmdir()


def _require_nobody(home: Path) -> None:
    """Raise AlreadyRunning while a program of ours runs that is not `serve`: `bench`, or Python."""
    for place in paths.run_places(home):
        for folder in place.iterdir() if place.is_dir() else ():
            pid = int(folder.name) if folder.name.isdecimal() else os.getpid()
            if pid != os.getpid() and _is_running(pid):
                raise AlreadyRunning(
                    f"Viewfinder runs as process {pid}, and uses {home}.", hint="Stop it first."
                )


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def _pulled() -> set[str]:
    return set(pulled.read(paths.pulled_file()).repositories)


def _named(home: Path, stem: str) -> Iterator[Path]:
    return (one for one in home.iterdir() if _stem(one) == stem) if home.is_dir() else iter(())


def _stem(entry: Path) -> str:
    return re.split(r"[.-]", entry.name)[0]


def _remove(entry: Path) -> None:
    if entry.is_dir() and not entry.is_symlink():
        shutil.rmtree(entry)
    else:
        entry.unlink(missing_ok=True)


def _size_bytes(entry: Path) -> int:
    files = entry.rglob("*") if entry.is_dir() and not entry.is_symlink() else [entry]
    return sum(one.lstat().st_size for one in files if not one.is_dir())


def _package_command() -> str:
    """The command for the way in which this package was installed."""
    prefix = Path(sys.prefix)
    if "pipx" in prefix.parts:
        return "pipx uninstall viewfinder"
    if prefix.parent.name == "tools" and "uv" in prefix.parts:
        return "uv tool uninstall viewfinder"
    if sys.prefix != sys.base_prefix:
        return f"rm -r {prefix}"
    return "pip uninstall viewfinder"
