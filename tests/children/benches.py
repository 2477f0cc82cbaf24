"""Measures glimpse with a small suite in the home of the environment; "resume" continues the interrupted run.

Prints a line for every step, so that a test can kill it at any of them. Measures of other packages are asked
as in the suite `quick`.
"""

import asyncio
import sys

from tests.measure.suites import small
from viewfinder.catalog.catalog import Catalog
from viewfinder.core import paths
from viewfinder.core.config import Settings
from viewfinder.measure.measures.registry import BUILT_IN, measures
from viewfinder.measure.progress import Progress
from viewfinder.measure.runner import interrupted, run_suite
from viewfinder.measure.store.rows import RunRequest
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import suite_of

OTHERS = {name: one.counts["quick"] for name, one in measures().items() if one not in BUILT_IN}
SUITE = small(
    processes=2,
    images=2,
    texts=2,
    vision=8,
    text=8,
    follow_up=2,
    budget_s=600.0,
    short=1,
    repeats=1,
    cold_starts=1,
    **OTHERS,
)


def tell(progress: Progress) -> None:
    print(progress.done, progress.total, progress.doing, flush=True)


catalog = Catalog()
card = catalog.get("glimpse").narrowed([catalog.get("glimpse").variants[0]])
with Store(paths.results_file()) as store:
    folders = paths.folders()
    resumed = interrupted(store, folders.state) if sys.argv[1:] == ["resume"] else None
    results = asyncio.run(
        run_suite(
            [card],
            suite_of(resumed.counts) if resumed else SUITE,
            catalog=catalog,
            settings=Settings(),
            store=store,
            folders=folders,
            on_progress=tell,
            request=RunRequest(names=("glimpse",)),
            resumed=resumed,
        )
    )
print(results[0].status, flush=True)
