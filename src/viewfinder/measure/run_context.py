"""What everything within one run shares; made by `runner`."""

from dataclasses import dataclass

from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.hashes import Hashes
from viewfinder.core.config import Settings
from viewfinder.core.paths import Folders
from viewfinder.measure.deadline import Deadline
from viewfinder.measure.progress import Steps
from viewfinder.measure.store.rows import Run
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import Suite


@dataclass(frozen=True, slots=True)
class RunContext:
    """The run's order, its depth, and the house's parts that it uses."""

    run: Run
    suite: Suite
    catalog: Catalog
    settings: Settings
    store: Store
    folders: Folders
    steps: Steps
    hashes: Hashes
    deadline: Deadline
