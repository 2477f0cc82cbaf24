"""What the control groups of this process allow it: memory and processor time. Linux only.

Called by `machine_memory` and `hardware`, so that a container is planned for as what it is, not as the
computer below it. Every group from ours up to the root counts, in version 1 and 2: the tightest limit holds.
https://docs.kernel.org/admin-guide/cgroup-v2.html
"""

import glob
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

NO_LIMIT_BYTES = 1 << 60
"""Version 1 writes a limit near 2 to the power of 63 where there is none."""
MOST_SEARCHED = 4096
"""Groups in which our process is looked for, where the system does not say which one is ours."""


@dataclass(frozen=True, slots=True)
class MemoryLimit:
    """One group's limit, and how much of it is left; memory that only caches files counts as left."""

    limit_bytes: int
    left_bytes: int


@dataclass(frozen=True, slots=True)
class Cgroups:
    """The groups of one process, as the system lists them; tests pass folders of their own."""

    membership: Path = Path("/proc/self/cgroup")
    mounts: Path = Path("/proc/self/mountinfo")

    def memory(self) -> list[MemoryLimit]:
        """The limits of memory, of all groups that have one."""
        return [limit for folder in self.folders("memory") if (limit := _memory_limit(folder))]

    def cores(self) -> float | None:
        """The processor time allowed, as a number of cores; None: no limit."""
        quotas = [quota for folder in self.folders("cpu") if (quota := _quota(folder))]
        return min(quotas, default=None)

    def folders(self, controller: str) -> Iterator[Path]:
        """The folders of this process's groups under a controller, from its own up to the mount's root."""
        if sys.platform != "linux":
            return
        with suppress(OSError):
            paths = dict(_memberships(_text(self.membership)))
            for mounted, root, held in _mounts(_text(self.mounts)):
                path = paths.get(controller if controller in held else "")
                if path is None or not ({controller, ""} & held):
                    continue
                folder = _own_folder(mounted, root, path)
                while folder != mounted.parent:
                    if os.path.isdir(folder):  # noqa: PTH112 (Path.is_dir raises where we may not look)
                        yield folder
                    folder = folder.parent


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="surrogateescape")


def _own_folder(mounted: Path, root: str, path: str) -> Path:
    """The folder of the group `path` in a mount of which `root` is the topmost group.

    A container often sees only its own group, mounted where the root would be: then that one counts, whatever
    the path says. Where a process got a namespace of groups and not a mount of its own, as from bubblewrap,
    `root` is /../.. and the path leaves out the names of the groups above.
    """
    above, wanted = root.strip("/").split("/"), path.strip("/").split("/")
    if set(above) == {".."}:
        levels = len(above) - wanted.count("..")
        names = [name for name in wanted if name not in ("", "..")]
        return _with_us(mounted, levels, names) or mounted
    above = [name for name in above if name]
    if ".." in wanted or wanted[: len(above)] != above:
        return mounted
    return mounted.joinpath(*wanted[len(above) :])


def _with_us(mounted: Path, levels: int, names: list[str]) -> Path | None:
    """The folder that many levels down, under any names and then these, whose group this process is in."""
    pattern = "/".join([*["*"] * max(levels, 0), *map(glob.escape, names), "cgroup.procs"])
    own = str(os.getpid())
    for file in islice(mounted.glob(pattern), MOST_SEARCHED):
        with suppress(OSError):
            if own in file.read_text().split():
                return file.parent
    return None


def _memberships(text: str) -> Iterator[tuple[str, str]]:
    """Controller > path; version 2 has one path for all controllers, under an empty name."""
    for line in text.splitlines():
        fields = line.split(":", 2)
        for controller in fields[1].split(",") if len(fields) == 3 else ():
            yield controller, fields[2]


def _mounts(text: str) -> Iterator[tuple[Path, str, set[str]]]:
    """Each mount of control groups: where, which group is its root, and its controllers ("" in version 2)."""
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or len(kind) < 3:
            continue
        if kind[0] == "cgroup2":
            yield Path(_unescaped(fields[4])), _unescaped(fields[3]), {""}
        elif kind[0] == "cgroup":
            yield Path(_unescaped(fields[4])), _unescaped(fields[3]), set(kind[2].split(","))


def _unescaped(path: str) -> str:
    """The system writes blanks and the like as three octal digits."""
    return re.sub(r"\\([0-7]{3})", lambda digits: chr(int(digits[1], 8)), path)


def _memory_limit(folder: Path) -> MemoryLimit | None:
    """The limit of one group. Beyond memory.high a group is slowed down until it is of no use.

    Version 1 also tells the limit of the groups above, of which a container may see nothing.
    """
    counts = _counts(folder)
    written = [_number(folder / name) for name in ("memory.max", "memory.high", "memory.limit_in_bytes")]
    written.append(counts.get("hierarchical_memory_limit"))
    limits = [value for value in written if value is not None and 0 < value < NO_LIMIT_BYTES]
    if not limits:
        return None
    used = _number(folder / "memory.current") or _number(folder / "memory.usage_in_bytes") or 0
    return MemoryLimit(min(limits), max(0, min(limits) - max(0, used - _cached(counts))))


def _counts(folder: Path) -> dict[str, int]:
    """What the group's memory is used for, and in version 1 the limit of the groups above it."""
    with suppress(OSError, ValueError):
        lines = [line.split() for line in (folder / "memory.stat").read_text().splitlines()]
        return {line[0]: int(line[1]) for line in lines if len(line) == 2}
    return {}


def _cached(counts: Mapping[str, int]) -> int:
    """How much of a group's memory only caches files, which the kernel drops when it needs room."""
    for prefix in ("total_", ""):  # version 1 has both, and the groups below only in the total
        if f"{prefix}inactive_file" in counts:
            return counts[f"{prefix}inactive_file"] + counts.get(f"{prefix}active_file", 0)
    return 0


def _quota(folder: Path) -> float | None:
    """The quota of one group in cores: "max 100000" or "150000 100000", in version 1 in two files."""
    with suppress(OSError, ValueError):
        allowed, period = (folder / "cpu.max").read_text().split()
        return None if allowed == "max" else _share(int(allowed), int(period))
    return _share(_number(folder / "cpu.cfs_quota_us"), _number(folder / "cpu.cfs_period_us"))


def _share(allowed_us: int | None, period_us: int | None) -> float | None:
    """None for numbers that are no limit, or that no system writes."""
    if not allowed_us or not period_us or not (0 < allowed_us < 2**63 and 0 < period_us < 2**63):
        return None
    return allowed_us / period_us


def _number(file: Path) -> int | None:
    """The number in a file; None for "max" and "-1", and when it cannot be read."""
    with suppress(OSError, ValueError):
        number = int(file.read_text())
        return number if number >= 0 else None
    return None
