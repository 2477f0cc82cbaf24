"""What many requests do to an engine: memory that grows is found, in its kind; glimpse's does not grow."""

import dataclasses
from itertools import islice
from pathlib import Path

import pytest

from tests.bench.scenarios.planted import NOTHING, Truths, faulty, folders_in, run, run_glimpse, truths
from tests.faults.conftest import PLUGIN
from viewfinder.bench.prompts import about_images
from viewfinder.bench.results.figures import Figure, Missing
from viewfinder.bench.results.model import ModelResult
from viewfinder.bench.results.soak import Growth, GrowthKind, Soak
from viewfinder.bench.results.trouble import Code
from viewfinder.bench.scenarios.soak import judge
from viewfinder.bench.scenarios.stage import Heard
from viewfinder.bench.troubles.circles import pictures

SUITE = dataclasses.replace(NOTHING, soak=90, soak_s=60.0)


@pytest.fixture(scope="module")
def known() -> Truths:
    return truths([*pictures(), *islice(about_images("soak"), SUITE.soak)])


async def measure(fault: str, known: Truths, place: Path) -> ModelResult:
    catalog = faulty(fault, known, place / "memory")
    return await run(catalog.get("faulty"), SUITE, catalog, folders_in(place))


def soak(result: ModelResult) -> Soak:
    assert isinstance(result.soak, Soak)
    return result.soak


def growth(found: Soak) -> Growth:
    assert isinstance(found.growth, Growth), found.growth
    return found.growth


@pytest.mark.parametrize(
    ("fault", "kind", "codes"),
    [
        ("none", "flat", set()),
        ("leaks-slowly", "leak", {Code.LEAK}),
        ("keeps-pictures", "growth with cache", set()),
        ("previous-image", "flat", {Code.CANARY_DRIFT}),
    ],
)
async def test_growth_and_drift_are_named(
    monkeypatch: pytest.MonkeyPatch,
    known: Truths,
    tmp_path: Path,
    fault: str,
    kind: GrowthKind,
    codes: set[Code],
) -> None:
    monkeypatch.syspath_prepend(str(PLUGIN))
    result = await measure(fault, known, tmp_path)
    found = soak(result)
    assert found.codes == codes
    assert growth(found).kind == kind
    assert growth(found).slope.low > 0.9 or kind == "flat"
    assert len(result.issues) == len(codes)
    assert found.requests == 4 + 90 + 40
    assert (found.canaries.asked, found.failures.events) == (4, 0)
    assert isinstance(found.latency, Figure)
    assert isinstance(found.descriptors, Figure)


async def test_an_engine_that_dies_in_it_leaves_what_was_noted(
    monkeypatch: pytest.MonkeyPatch, known: Truths, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(PLUGIN))
    found = soak(await measure("dies-after-two", known, tmp_path))
    assert found.codes == {Code.DIED}
    assert (found.requests, found.failures.events) == (3, 1)
    assert isinstance(found.growth, Missing)
    assert "growth needs 90 requests" in found.growth.missing


@pytest.mark.soak
async def test_glimpse_does_not_grow(tmp_path: Path) -> None:
    found = soak(await run_glimpse(dataclasses.replace(SUITE, soak=200, soak_s=300.0), folders_in(tmp_path)))
    assert growth(found).kind == "flat"
    assert found.codes == set()


def test_a_server_that_is_not_ours_is_not_looked_into() -> None:
    found = judge(Heard(part=0, asked=[]))
    assert found.growth == Missing(missing="the server was running already and is not ours to look into")
    assert isinstance(found.threads, Missing)
