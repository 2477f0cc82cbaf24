"""What a Viewfinder that is gone may have left: engines that still run, and folders of their sockets.

Looked for by `doctor`, which tells and touches nothing. A warden ends its engine when its owner goes, so
that what is found here survived the warden too.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from viewfinder.host import warden
from viewfinder.host.child import MARK
from viewfinder.host.ownership import dead_run_folders

WARDEN = "/".join(Path(warden.__file__).parts[-3:])


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Engines' processes that nobody watches, and the run folders of processes that are dead."""

    processes: tuple[int, ...]
    folders: tuple[Path, ...]


def leftovers(home: Path) -> Leftovers:
    """What is left of earlier Viewfinders of this user; takes as long as a look at every process."""
    return Leftovers(tuple(_unwatched()), tuple(dead_run_folders(home)))


def _unwatched() -> list[int]:
    """Processes that carry our mark and have no warden above them any more."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):  # gone, or another user's
            if MARK not in process.environ() or process.status() == psutil.STATUS_ZOMBIE:
                continue
            if not any(map(_is_warden, (process, *process.parents()))):
                found.append(process.pid)
    return found


def _is_warden(process: psutil.Process) -> bool:
    """Of this installation or of another one: each has a warden of its own."""
    with suppress(psutil.Error):
        return any(word.endswith(WARDEN) for word in process.cmdline())
    return False
