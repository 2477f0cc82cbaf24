"""Whole runs of small suites on glimpse under llama.cpp, and results made by hand for the tests of pages."""

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.report.conftest import Make
from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import WEIGHTS, Catalog
from viewfinder.core import paths
from viewfinder.core.config import Settings
from viewfinder.measure.results import ModelResult
from viewfinder.measure.runner import run_suite
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import Suite


@pytest.fixture
def make() -> Make:
    return Make()


@pytest.fixture
def glimpse() -> ModelCard:
    card = Catalog().get("glimpse")
    return card.narrowed([one for one in card.variants if one.engine == "llama.cpp"][:1])


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "results.sqlite") as opened:
        yield opened


@pytest.fixture
def weights() -> Path:
    """Where glimpse's files are."""
    return WEIGHTS


@pytest.fixture
def measure(glimpse: ModelCard, store: Store, weights: Path) -> Callable[[Suite], Awaitable[ModelResult]]:
    """The result of a suite."""

    async def measure(suite: Suite) -> ModelResult:
        [result] = await run_suite(
            [glimpse],
            suite,
            catalog=Catalog(weights=weights),
            settings=Settings(),
            store=store,
            folders=paths.folders(),
        )
        return result

    return measure
