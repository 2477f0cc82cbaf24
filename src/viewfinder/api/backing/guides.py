"""The guide and comparisons, written by commands in processes of their own; kept until a result is added or
removed. Used by `stored_runs`.

They take seconds of a processor, and packages that `serve` needs for nothing else.
"""

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

from viewfinder.api.backing.own_command import OwnCommand
from viewfinder.core import paths
from viewfinder.core.errors import ViewfinderError
from viewfinder.fleet.health.upgrade_notes import UPGRADES
from viewfinder.measure.store.store import Store

MOST_KEPT = 8
"""Texts in memory: the guide in two forms, and some comparisons."""
_numbers = itertools.count(1)

Edition = tuple[object, ...]


class Written:
    """What commands wrote into a file, by their words."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, ...], tuple[Edition, bytes]] = OrderedDict()
        self._writing = asyncio.Lock()

    async def by(self, *words: str) -> bytes:
        """What `viewfinder WORDS --out FILE` writes. Raises ViewfinderError, in the words of the command."""
        async with self._writing:  # one after the other: they would only slow each other down
            edition = await asyncio.to_thread(_edition)
            kept = self._kept.get(words)
            if kept is None or kept[0] != edition:
                kept = (edition, await _written(words))
                self._kept[words] = kept
            self._kept.move_to_end(words)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
            return kept[1]


async def _written(words: Sequence[str]) -> bytes:
    file = paths.run_folder() / f"written-{next(_numbers)}"
    command: OwnCommand | None = None
    try:
        command = await OwnCommand.start([words[0], *words[1:], "--out", str(file)])
        if failing := (await command.wait()).failing:
            raise ViewfinderError(failing.message, hint=failing.hint, code=failing.code)
        return await asyncio.to_thread(file.read_bytes)
    except asyncio.CancelledError:
        if command is not None:
            await command.stop(0)
        raise
    finally:
        file.unlink(missing_ok=True)


def _edition() -> Edition:
    """Differs when a result was added or removed, or an upgrade was judged: the guide says it, too."""
    with Store(paths.results_file(), for_reading=True) as store:
        count, newest = store.edition()
    if not count:
        raise ViewfinderError(
            "Nothing was measured here yet.", hint="Run: viewfinder bench", code="no_results"
        )
    return count, newest, _written_at(paths.home() / UPGRADES)


def _written_at(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return 0
