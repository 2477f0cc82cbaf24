"""The instrument's reading of the memory of process trees that touch a known amount of it."""

import asyncio
import os
import signal
import sys
import tempfile
from pathlib import Path

from rich.progress import track

from benchmarks.validity.table import Row, Table
from viewfinder.host.child import Child, ChildSpec
from viewfinder.host.memory import MemorySample, measure_tree

WITHIN = 0.02
MIB = 1024 * 1024
PATIENCE_S = 60.0
ON_DISK = Path("/var/tmp")  # noqa: S108 a file on a tmpfs would be memory itself
CASES = (
    (64, 0, 1),
    (256, 0, 1),
    (0, 64, 1),
    (0, 256, 1),
    (96, 160, 1),
    (300, 200, 1),
    (0, 128, 2),
    (64, 128, 2),
)
"""MiB without a file, MiB of a file, processes that map it."""


def prove() -> Table:
    with tempfile.TemporaryDirectory(prefix="vf-", dir=ON_DISK) as folder:
        file = Path(folder) / "weights.gguf"
        with file.open("wb") as weights:
            for _ in range(max(mapped for _, mapped, _ in CASES)):
                weights.write(os.urandom(MIB))
        rows = [asyncio.run(row(*case, file)) for case in track(CASES, "Memory", transient=True)]
    return Table(
        "memory",
        "Memory of processes that touch a known amount",
        "Programs started as engines are (`host/child`), their trees measured by `host/memory` as `bench` "
        "does it: once as bare interpreters, and once when they have touched the given amount. The "
        "difference is what was touched; a file that two processes map counts once.",
        tuple(rows),
    )


async def row(anonymous: int, mapped: int, processes: int, file: Path) -> Row:
    before, after = await before_and_after(anonymous, mapped, processes, file)
    grown = (after.footprint_bytes - before.footprint_bytes) / MIB
    parts = (after.anonymous_bytes - before.anonymous_bytes, after.mapped_bytes - before.mapped_bytes)
    due = anonymous + mapped
    what = " and ".join(
        filter(None, [f"{anonymous} MiB without a file" * bool(anonymous), _mapped(mapped, processes)])
    )
    found = (
        f"{grown:.2f} MiB ({100 * (grown / due - 1):+.2f} %): "
        f"anonymous {parts[0] / MIB:.2f}, mapped {parts[1] / MIB:.2f}"
    )
    return Row(what, f"{due} MiB within {100 * WITHIN:.0f} %", found, abs(grown / due - 1) <= WITHIN)


async def before_and_after(
    anonymous: int, mapped: int, processes: int, file: Path
) -> tuple[MemorySample, MemorySample]:
    program = Path(__file__).with_name("touches.py")
    words = (sys.executable, str(program), str(anonymous), str(file), str(mapped), str(processes))
    with tempfile.TemporaryDirectory(prefix="vf-") as logs:
        child = await Child.start(ChildSpec(words, dict(os.environ), Path(logs) / "touches.log"))
        try:
            await _until_it_says(child, "ready")
            before = measure_tree(child.pids())
            os.kill(child.pid, signal.SIGUSR1)
            await _until_it_says(child, "touched")
            return before, measure_tree(child.pids())
        finally:
            await child.stop(0)


async def _until_it_says(child: Child, word: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while word not in child.tail():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def _mapped(mapped: int, processes: int) -> str:
    whose = " in each of two processes" if processes == 2 else ""
    return f"{mapped} MiB mapped from a file{whose}" if mapped else ""
