"""A run of `bench` in a folder of its own, with its results; called by `planting` and `twice`."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.paths import Folders, private
from viewfinder.measure.compare.evidence import Evidence, evidence_of
from viewfinder.measure.progress import Progress
from viewfinder.measure.results import ModelResult
from viewfinder.measure.runner import run_suite
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import Suite


@dataclass(frozen=True, slots=True)
class MeasuredModel:
    """One model's part of a run."""

    result: ModelResult
    evidence: Evidence


Ran = dict[str, MeasuredModel]
"""By the model's name."""


def run(
    cards: Sequence[ModelCard], suite: Suite, catalog: Catalog, folder: Path, show: Callable[[str], None]
) -> Ran:
    """Measure the cards; sockets, logs and results go to the folder, whose path must be short."""

    def on_progress(progress: Progress) -> None:
        show(f"{progress.model}: {progress.doing} ({progress.done} of {progress.total})")

    with Store(folder / "results.sqlite") as store:
        results = asyncio.run(
            run_suite(
                cards,
                suite,
                catalog=catalog,
                settings=Settings(),
                store=store,
                folders=Folders(private(folder / "run"), private(folder / "logs"), folder),
                on_progress=on_progress,
            )
        )
        return {result.model: MeasuredModel(result, evidence_of(store, result)) for result in results}
