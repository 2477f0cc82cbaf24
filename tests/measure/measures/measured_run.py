"""One whole run of a suite that is little more than one measure, on glimpse or on an engine by a table."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.measure.suites import small
from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.paths import Folders
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.progress import Progress
from viewfinder.measure.results import ModelResult
from viewfinder.measure.runner import run_suite
from viewfinder.measure.store.rows import ProcessOutcome, Sample
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import Suite

BARE = small("bare")
FIRST = 2
"""The number of the first process that the measure has to itself: the gates and the one timed process come
before it."""


@dataclass(frozen=True, slots=True)
class Ran:
    """The result, and what the store has of it."""

    result: ModelResult
    samples: list[Sample]
    outcomes: dict[int, ProcessOutcome]

    def of(self, scenario: str, process: int = FIRST) -> list[Sample]:
        """The samples of a process and scenario, in the order in which they were asked."""
        kept = [one for one in self.samples if (one.scenario, one.process) == (scenario, process)]
        return sorted(kept, key=lambda one: one.place or 0)

    def logs(self) -> list[ProcessLog]:
        """What the measure finds its result in, made from the store alone."""
        return [
            ProcessLog(
                process,
                [one for one in self.samples if one.process == process],
                outcome,
                nth=process - FIRST,
            )
            for process, outcome in self.outcomes.items()
            if process >= FIRST
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
