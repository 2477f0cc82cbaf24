"""What a Viewfinder that was killed may have left: engines and helpers that still run, and its run folder.

`doctor` reports it; `api` sweeps before it starts engines. A warden stops its engine when its owner goes, and
a decoder exits, so a process found here survived that: the owner and the warden were killed at the same
moment and the engine had forked, or it was frozen (SIGSTOP) on macOS, where the owner's death sends no signal
and a frozen process can watch for nothing.

A process is killed only when it is proven to be ours: its owner is dead, and it carries the mark in that
owner's record. The engine itself must have the recorded pid and start time, and its forks must be younger.
All three are checked once more right before SIGKILL. Processes without proof are reported and left alone.
A helper names its owner itself; it has nothing to save, and is killed at once when that is dead.
"""

import logging
import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from viewfinder.host import warden
from viewfinder.host.ownership import RUN_OWNER, is_abandoned, run_folders
from viewfinder.host.records import Identity, RunRecord, identity_of, mark_of, owner_of

WARDEN = "/".join(Path(warden.__file__).parts[-3:])
WARDEN_S = warden.ORPHAN_GRACE_S + 0.5
"""How long a warden that outlived its owner may take to stop its engine in order."""
SWEEP_S = 3.0
"""How long we try: a process that is left then hangs in a driver; the next start tries again."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Stray:
    """A process that carries a mark, or names its owner."""

    identity: Identity
    mark: str
    owner: Identity | None = None
    """Of a helper, which has no mark."""

    def is_of(self, record: RunRecord) -> bool:
        """Whether the record proves it to be the engine, its warden, or a process that the engine started."""
        named = [one for one in (record.engine, record.warden) if one is not None]
        oldest = record.engine or record.owner
        return self.mark == record.mark and (
            self.identity in named
            or (
                self.identity.pid not in {one.pid for one in named}
                and self.identity.boot == oldest.boot
                and self.identity.started >= oldest.started
            )
        )

    def kill(self) -> None:
        """SIGKILL, unless its pid belongs to another process by now."""
        with suppress(OSError), _held(self.identity.pid) as handle:
            pid = self.identity.pid
            if identity_of(pid) == self.identity and (mark_of(pid), owner_of(pid)) == (self.mark, self.owner):
                if handle is None:
                    os.kill(self.identity.pid, signal.SIGKILL)
                else:
                    signal.pidfd_send_signal(handle, signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class Leftovers:
    """Processes and files that dead owners left."""

    processes: tuple[Stray, ...] = ()
    """Proven to be ours: a sweep kills them."""
    doubtful: tuple[int, ...] = ()
    """Like ours, with no warden above them, but not proven: only a person may kill them."""
    folders: tuple[Path, ...] = ()
    """Run folders: a sweep removes them."""
    corrupt: tuple[Path, ...] = ()
    """Records that cannot be read: a sweep moves them aside."""


def leftovers(home: Path) -> Leftovers:
    """What earlier Viewfinders of this user left; looks at every process of the computer."""
    folders = tuple(filter(is_abandoned, run_folders(home)))
    records, corrupt = _records(home)
    proven = (*_proven(records), *_helpers())
    pids = {stray.identity.pid for stray in proven}
    doubtful = {stray.identity.pid for stray in _marked() if not _is_watched(stray.identity.pid)}
    doubtful |= {one.engine.pid for one in records.values() if one.engine and one.engine.is_alive()}
    return Leftovers(proven, tuple(sorted(doubtful - pids)), folders, corrupt)


def sweep(home: Path) -> Leftovers:
    """Kill and remove what dead owners left, as far as that is proven; returns what there was.

    Looks at processes only when a dead owner left any file.
    """
    records, corrupt = _records(home)
    if not (records or corrupt or any(map(is_abandoned, run_folders(home)))):
        return Leftovers()
    found = leftovers(home)
    left = _kill(records)
    _kill_helpers()
    for file in found.corrupt:
        with suppress(OSError):  # another sweep moved it first
            file.replace(file.parent.with_name(f"{file.parent.name}-{file.name}.corrupt"))
    for file, record in records.items():
        if not any(stray.is_of(record) for stray in left) and not (
            record.engine and record.engine.is_alive()
        ):
            file.unlink(missing_ok=True)
    for folder in found.folders:
        if not set(records) & set(folder.glob("*.json")):  # else the next sweep needs its records
            shutil.rmtree(folder, ignore_errors=True)
    _report(found)
    return found


def _kill(records: dict[Path, RunRecord]) -> list[Stray]:
    """Kill what these records prove to be ours, once its warden had its chance; returns what is left."""
    began_s = time.monotonic()
    killed: set[int] = set()
    while True:
        left = _proven(records) or _proven(records)  # twice, as in host/child
        passed_s = time.monotonic() - began_s
        if not left or passed_s > SWEEP_S:
            break
        if passed_s > WARDEN_S or not any(one.warden and one.warden.is_alive() for one in records.values()):
            killed |= {stray.identity.pid for stray in left}
            for stray in left:
                stray.kill()
        time.sleep(0.02)
    if killed:
        _log.warning("Killed processes %s, left by a Viewfinder that had been killed.", sorted(killed))
    if left:
        pids = [one.identity.pid for one in left]
        _log.error("Processes %s could not be killed: they hang in the system.", pids)
    return left


def _kill_helpers() -> None:
    give_up_s, killed = time.monotonic() + SWEEP_S, set()
    while (helpers := _helpers()) and time.monotonic() < give_up_s:
        killed |= {stray.identity.pid for stray in helpers}
        for stray in helpers:
            stray.kill()
        time.sleep(0.02)
    if killed:
        _log.warning("Killed helpers %s, left by a Viewfinder that had been killed.", sorted(killed))


def _report(found: Leftovers) -> None:
    if found.doubtful:
        _log.warning(
            "Processes %s look like engines without a Viewfinder. They are not proven to be ours, so they "
            "are left alone; see `viewfinder doctor`.",
            list(found.doubtful),
        )
    for file in found.corrupt:
        _log.warning("The record of an engine, %s, cannot be read; it was moved aside.", file)


def _records(home: Path) -> tuple[dict[Path, RunRecord], tuple[Path, ...]]:
    """The records of engines whose owner is dead, and the unreadable ones in dead owners' folders."""
    records: dict[Path, RunRecord] = {}
    corrupt = []
    for folder in run_folders(home):
        for file in folder.glob("*.json"):
            if file.name == RUN_OWNER:
                continue
            try:
                record = RunRecord.model_validate_json(file.read_bytes())
            except FileNotFoundError:  # it has ended just now
                continue
            except (OSError, ValueError):
                if is_abandoned(folder):
                    corrupt.append(file)
                continue
            if not record.owner.is_alive():
                records[file] = record
    return records, tuple(corrupt)


def _proven(records: dict[Path, RunRecord]) -> list[Stray]:
    return [stray for stray in _marked() if any(map(stray.is_of, records.values()))]


def _marked() -> list[Stray]:
    """Every process of this user that carries the mark of any Viewfinder."""
    found = []
    for pid in psutil.pids():
        identity = identity_of(pid)
        if identity is not None and (mark := mark_of(pid)):
            found.append(Stray(identity, mark))
    return found


def _helpers() -> list[Stray]:
    """Every helper of this user whose owner is dead."""
    found = []
    for pid in psutil.pids():
        identity, owner = identity_of(pid), owner_of(pid)
        if identity is not None and owner is not None and not owner.is_alive():
            found.append(Stray(identity, mark_of(pid), owner))
    return found


def _is_watched(pid: int) -> bool:
    """Whether a warden is above the process, or the process has ended meanwhile."""
    try:
        process = psutil.Process(pid)
        return any(map(_is_warden, (process, *process.parents())))
    except psutil.NoSuchProcess:
        return True


def _is_warden(process: psutil.Process) -> bool:
    """A warden of this installation or of another one."""
    with suppress(psutil.AccessDenied):
        return any(word.endswith(WARDEN) for word in process.cmdline())
    return False


@contextmanager
def _held(pid: int) -> Iterator[int | None]:
    """A handle on the process that has this pid now, and on no later one; None on macOS."""
    if not hasattr(os, "pidfd_open"):
        yield None
        return
    handle = os.pidfd_open(pid)
    try:
        yield handle
    finally:
        os.close(handle)
