"""Runs of a small suite on glimpse, in this process, for the tests of what happens around a session."""

from collections.abc import Callable
from pathlib import Path

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.paths import Folders
from viewfinder.measure.progress import Progress
from viewfinder.measure.results import ModelResult
from viewfinder.measure.runner import interrupted, run_suite
from viewfinder.measure.store.rows import RunRequest
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import Suite


class Killed(Exception):
    """Stands for a kill in the middle of a run."""


def kill_when(is_time: Callable[[Progress], bool]) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        if is_time(progress):
            raise Killed

    return report


async def measure(
    store: Store,
    folder: Path,
    suite: Suite,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    *,
    resume: bool = False,
) -> ModelResult:
    """One run of the first variant of glimpse; `resume` continues the one that was killed."""
    for name in ("run", "logs"):
        (folder / name).mkdir(exist_ok=True)
    catalog = Catalog()
    card = catalog.get("glimpse")
    [result] = await run_suite(
        [card.narrowed(card.variants[:1])],
        suite,
        catalog=catalog,
        settings=Settings(),
        store=store,
        folders=Folders(folder / "run", folder / "logs", folder),
        on_progress=on_progress,
        request=RunRequest(names=("glimpse",)),
        resumed=interrupted(store, folder) if resume else None,
    )
    return result
