"""One whole run of a suite that is little more than its stages, on glimpse or on an engine by a table."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.paths import Folders
from viewfinder.measure.measures.base import ProcessLog
from viewfinder.measure.progress import Progress
from viewfinder.measure.results import ModelResult
from viewfinder.measure.runner import run_suite
from viewfinder.measure.store.outcome import ProcessOutcome
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import Suite

BARE = Suite("bare", processes=1, images=1, texts=1, vision=1, text=1, follow_up=1, budget_s=60.0)
STAGE = 2
"""The process number of a stage's first one: the gates and the one timed start come before."""


@dataclass(frozen=True, slots=True)
class Ran:
    """The result, and what the store has of it."""

    result: ModelResult
    asked: list[Sample]
    found: dict[int, ProcessOutcome]

    def cell(self, scenario: str, process: int = STAGE) -> list[Sample]:
        """The exchanges of a process and scenario, in the order in which they were asked."""
        kept = [one for one in self.asked if (one.scenario, one.process) == (scenario, process)]
        return sorted(kept, key=lambda one: one.place or 0)

    def heard(self) -> list[ProcessLog]:
        """What a stage is given to find from, made from the store alone."""
        return [
            ProcessLog(
                process - STAGE,
                [one for one in self.asked if one.process == process],
                found.series,
                found.broke_off,
            )
            for process, found in self.found.items()
            if process >= STAGE
        ]


async def measured(
    card: ModelCard,
    suite: Suite,
    folder: Path,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Ran:
    for name in ("run", "logs"):
        (folder / name).mkdir()
    with Store(folder / "results.sqlite") as store:
        [result] = await run_suite(
            [card],
            suite,
            catalog=Catalog(),
            settings=Settings(),
            store=store,
            folders=Folders(folder / "run", folder / "logs", folder),
            on_progress=on_progress,
        )
        run = result.run
        return Ran(result, store.samples(run, card.name), store.outcomes(run, card.name))


def glimpse() -> ModelCard:
    card = Catalog().get("glimpse")
    return card.narrowed([card.variants[0]])
