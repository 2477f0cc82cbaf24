"""Records of engines and of owners on disk, from which a later start learns what a dead owner left.

Written by `host/child` for each engine and by `host/ownership` for each run folder; read by `host/leftovers`.
"""

import functools
import logging
import os
import sys
from contextlib import suppress
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict, Field

MARK = "VIEWFINDER_TREE"
"""The environment variable that marks every process of a tree as ours, even one that left the tree."""
OWNED_BY = "VIEWFINDER_OWNER"
"""The environment variable with the identity of the owner of a helper, which is of no use without it."""


class Identity(BaseModel):
    """One process, told apart from any other that gets its pid later.

    psutil's start time would not do: on Linux it follows the wall clock, and when that is set, every process
    looks like another one.
    """

    model_config = ConfigDict(frozen=True)

    pid: int = Field(gt=0)
    started: float
    """Linux: clock ticks since the boot; elsewhere seconds since 1970."""
    boot: str = ""
    """Linux: the id of the boot."""

    def is_alive(self) -> bool:
        return identity_of(self.pid) == self


class RunRecord(BaseModel):
    """One engine; `runs` is the model's name. `warden` and `engine` are None until it has been started."""

    model_config = ConfigDict(frozen=True)

    runs: str
    mark: str = Field(pattern="^[0-9a-f]{16}$")
    owner: Identity
    warden: Identity | None = None
    engine: Identity | None = None


def identity_of(pid: int) -> Identity | None:
    """The process that has this pid now; None when there is none, or only a zombie."""
    if sys.platform != "linux":
        with suppress(psutil.Error):
            process = psutil.Process(pid)
            if process.status() != psutil.STATUS_ZOMBIE:
                return Identity(pid=pid, started=process.create_time())
        return None
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if stat[0] in b"ZX" else Identity(pid=pid, started=int(stat[19]), boot=_boot())


def this_process() -> Identity:
    identity = identity_of(os.getpid())
    assert identity is not None  # noqa: S101
    return identity


def mark_of(pid: int) -> str:
    """The mark that a process carries; empty when it has none or we may not read it."""
    with suppress(psutil.Error, OSError):
        return psutil.Process(pid).environ().get(MARK, "")
    return ""


def owner_of(pid: int) -> Identity | None:
    """The owner that a helper names; None for any other process, and when we may not read it."""
    with suppress(psutil.Error, OSError, ValueError):
        if named := psutil.Process(pid).environ().get(OWNED_BY, ""):
            return Identity.model_validate_json(named)
    return None


def write(file: Path, record: BaseModel) -> None:
    """Replace the file atomically; on a full disk only the record is lost, never the engine."""
    draft = file.with_name(f"{file.name}.new")
    try:
        draft.write_text(record.model_dump_json())
        draft.replace(file)
    except OSError as error:
        logging.getLogger(__name__).warning("The record %s could not be written: %s", file, error)
        with suppress(OSError):
            draft.unlink()


@functools.cache
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
