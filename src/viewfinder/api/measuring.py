"""`bench` and `guide`: measure, keep, and say what it comes to."""

import asyncio
import itertools
from collections.abc import Callable, Sequence

from pydantic import SecretStr

from viewfinder.api.endpoints import served_at
from viewfinder.api.models import models
from viewfinder.api.places import card_of, open_catalog, own_folders
from viewfinder.bench.parity import Parity, compare
from viewfinder.bench.progress import Progress
from viewfinder.bench.results import ModelResult
from viewfinder.bench.runner import run_suite
from viewfinder.bench.store import Store
from viewfinder.bench.suite import suite_named
from viewfinder.catalog.published import published
from viewfinder.core import paths
from viewfinder.core.config import Settings, load_settings
from viewfinder.core.errors import ViewfinderError
from viewfinder.guide.guide import conclusion, write_guide


def bench(
    names: Sequence[str] = (),
    *,
    suite: str = "quick",
    endpoint: str | None = None,
    endpoint_key: SecretStr | None = None,
    settings: Settings | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> list[ModelResult]:
    """Measure models, each on fresh server processes of its own, and keep every exchange.

    Without `names`, every model that can be loaded here; a name may also be `hf:owner/name` or a path. With
    `endpoint`, a server that runs already is measured in their place, and `names` are what it calls its
    models. A model that fails has a result that says so. Raises UnknownModel, BadRequest (no such suite),
    and EngineDied or EngineRefused when the endpoint does not answer us.
    """
    settings = settings or load_settings()
    depth = suite_named(suite)
    if endpoint is None:
        chosen = list(names) or [line.name for line in models(settings=settings) if line.ready]
    else:
        servers = asyncio.run(served_at(endpoint, endpoint_key, names))
        settings = settings.model_copy(update={"endpoints": servers})
        chosen = list(servers)
    catalog = open_catalog(settings)
    cards = [card_of(catalog, name) for name in chosen]
    with own_folders() as folders, Store(paths.results_file()) as store:
        return asyncio.run(
            run_suite(
                cards,
                depth,
                catalog=catalog,
                settings=settings,
                store=store,
                folders=folders,
                on_progress=on_progress,
            )
        )


def results() -> list[ModelResult]:
    """The newest stored result of every variant that was measured here."""
    with Store(paths.results_file()) as store:
        return store.latest()


def guide() -> str:
    """The reference guide as Markdown, from the stored results alone.

    Raises ViewfinderError when nothing was measured yet.
    """
    with Store(paths.results_file()) as store:
        latest = store.latest()
        previous = [
            earlier for result in latest for earlier in store.history(result.model, result.variant)[1:2]
        ]
        parities = _parities(store, latest)
    if not latest:
        raise ViewfinderError(
            "Nothing was measured here yet.", hint="Run: viewfinder bench", code="no_results"
        )
    return write_guide(latest, published(), previous, parities)


def _parities(store: Store, latest: Sequence[ModelResult]) -> list[Parity]:
    """Each model's variants, two at a time."""
    return [
        parity
        for one, other in itertools.combinations(latest, 2)
        if one.model == other.model
        and (
            parity := compare(
                one,
                store.exchanges(one.run, one.model),
                other,
                store.exchanges(other.run, other.model),
            )
        )
    ]


def conclude() -> str:
    """What the stored results come to, in two or three sentences."""
    return conclusion(results())
