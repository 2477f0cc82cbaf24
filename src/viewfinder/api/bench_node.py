"""What `bench --ray` does on a node: the same run as `bench`, of one model; its rows go to who asked."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from viewfinder.api.setup import card_of, check_settings, open_catalog, own_folders
from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.hashes import Hashes
from viewfinder.cluster.bench_job import BenchJob
from viewfinder.cluster.messages import KnownFiles
from viewfinder.cluster.node_files import require_known
from viewfinder.core import paths
from viewfinder.fleet.choice import choose_variant
from viewfinder.measure.measures.registry import require_loadable
from viewfinder.measure.progress import Progress
from viewfinder.measure.runner import run_suite
from viewfinder.measure.store.sent import SentStore, StoreWrite, write_rows
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import suite_of


def measure_job(job: BenchJob, send: Callable[[StoreWrite], None], tell: Callable[[Progress], None]) -> None:
    """Measure a job to its end, in this process. Raises what `bench` raises, and ModelFilesError when the
    model's files are not the known ones."""
    require_loadable()
    catalog = open_catalog(job.settings)
    card = card_of(catalog, job.name)
    check_settings(catalog, job.settings)
    with own_folders() as folders, TemporaryDirectory(dir=folders.run) as place:
        file = Path(place) / "results.sqlite"
        if job.rows is not None:
            write_rows(file, job.rows)
        with SentStore(file, send) as store:
            run = store.runs()[-1] if job.rows is not None else None
            card = _as_begun(card, store, run.run) if run else card
            _require_files(catalog, card, job.files)
            asyncio.run(
                run_suite(
                    [card],
                    suite_of(job.suite),
                    catalog=catalog,
                    settings=job.settings,
                    store=store,
                    folders=folders,
                    on_progress=tell,
                    request=job.request,
                    resumed=run,
                )
            )


def _as_begun(card: ModelCard, store: Store, run: str) -> ModelCard:
    """With the variant that was chosen when the run began."""
    known = store.fingerprints(run).get(card.name)
    kept = [one for one in card.variants if known is not None and one.name == known.variant]
    return card.narrowed(kept or card.variants)


def _require_files(catalog: Catalog, card: ModelCard, known: KnownFiles | None) -> None:
    variant, _ = choose_variant(card)
    files = catalog.resolve(variant)
    require_known(known, variant, files, Hashes(paths.home() / "hashes.json"), card.name)
