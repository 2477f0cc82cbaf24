"""One invocation of bench: every model in turn, each result stored as soon as it is there; `api` calls it."""

import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from viewfinder.bench.progress import Progress
from viewfinder.bench.results import ModelResult
from viewfinder.bench.store import Run, Store
from viewfinder.bench.suite import Suite
from viewfinder.bench.trial import Trial
from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.paths import Folders
from viewfinder.host.hardware import this_machine


async def run_suite(
    cards: Sequence[ModelCard],
    suite: Suite,
    *,
    catalog: Catalog,
    settings: Settings,
    store: Store,
    folders: Folders,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> list[ModelResult]:
    """Measure each card with the suite and return the results in the cards' order.

    Each model gets server processes of its own. One that fails has a result that says so, and the next
    is measured. Cancelled (Ctrl-C), the server process ends and everything asked until then stays stored.
    """
    begun = datetime.now(UTC)
    name = f"{begun:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    run = Run(name, suite.name, begun.isoformat(timespec="seconds"), "", this_machine())
    store.begin(run)
    trial = Trial(run, suite, catalog, settings, store, folders, on_progress)
    results = []
    try:
        for card in cards:
            result = await trial.measure(card)
            store.add_result(result)
            results.append(result)
    finally:
        store.flush()
    store.finish(run.run, datetime.now(UTC).isoformat(timespec="seconds"))
    return results
