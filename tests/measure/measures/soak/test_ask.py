"""What many requests do to an engine: memory that grows is found, in its kind; glimpse's does not grow."""

import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from tests.faults.conftest import PLUGIN
from tests.measure.measures.one_measure import NOTHING, Truths, faulty, folders_in, run, run_glimpse, truths
from tests.measure.measures.stability.made_up import asked, codes
from viewfinder.catalog.card import Variant
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.soak import MEASURE
from viewfinder.measure.measures.soak.ask import held
from viewfinder.measure.measures.soak.counts import SoakCounts
from viewfinder.measure.measures.soak.result import Growth, GrowthKind, Soak
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.prompts import about_images
from viewfinder.measure.results import ModelResult
from viewfinder.measure.troubles.pictures import pictures
from viewfinder.measure.troubles.trouble import Code

COUNTS = SoakCounts(requests=90, budget_s=60.0)
LONG = SoakCounts(requests=200, budget_s=300.0)
VARIANT = Variant(name="v", engine="e", repo="r", vision=True, text=True)
SUITE = NOTHING.with_counts("soak", COUNTS)


@pytest.fixture(scope="module")
def known() -> Truths:
    return truths([*pictures(), *islice(about_images("soak"), COUNTS.requests)])


def find(log: ProcessLog) -> Soak:
    found = MEASURE.find([log], COUNTS, VARIANT)
    assert isinstance(found, Soak), found
    return found


async def measure(fault: str, known: Truths, place: Path) -> ModelResult:
    catalog = faulty(fault, known, place / "memory")
    return await run(catalog.get("faulty"), SUITE, catalog, folders_in(place))


def soak(result: ModelResult) -> Soak:
    found = result.found["soak"]
    assert isinstance(found, Soak), found
    return found


def growth(found: Soak) -> Growth:
    assert isinstance(found.growth, Growth), found.growth
    return found.growth


@pytest.mark.parametrize(
    ("fault", "kind", "expected"),
    [
        ("none", "flat", set()),
        ("leaks-slowly", "leak", {Code.LEAK}),
        ("keeps-pictures", "growth with cache", set()),
    ],
)
async def test_growth_is_named(
    monkeypatch: pytest.MonkeyPatch,
    known: Truths,
    tmp_path: Path,
    fault: str,
    kind: GrowthKind,
    expected: set[Code],
) -> None:
    monkeypatch.syspath_prepend(str(PLUGIN))
    result = await measure(fault, known, tmp_path)
    found = soak(result)
    assert codes(found) == expected
    assert growth(found).kind == kind
    assert growth(found).slope.low > 0.9 or kind == "flat"
    assert len(result.issues) == len(expected)
    assert found.requests == 4 + 90 + 40
    assert (found.canaries.asked, found.failures.events) == (4, 0)
    assert [found.footprints[-1].until, found.same_image[-1].until] == [90, 40]
    if kind != "flat":
        assert found.footprints[-1].high_mb - found.footprints[0].low_mb > 80, "1 MB a request"
    assert isinstance(found.latency, Figure)
    assert isinstance(found.descriptors, Figure)


async def test_an_engine_that_dies_in_it_leaves_what_was_noted(
    monkeypatch: pytest.MonkeyPatch, known: Truths, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(PLUGIN))
    found = soak(await measure("dies-after-two", known, tmp_path))
    assert codes(found) == {Code.DIED}
    assert (found.requests, found.failures.events) == (3, 1)
    assert isinstance(found.growth, Missing)
    assert "growth needs 90 requests" in found.growth.missing


@pytest.mark.soak
async def test_glimpse_does_not_grow(tmp_path: Path) -> None:
    found = soak(await run_glimpse(NOTHING.with_counts("soak", LONG), folders_in(tmp_path)))
    assert growth(found).kind == "flat"
    assert codes(found) == set()


def test_a_canary_that_is_answered_differently_later() -> None:
    """The second picture was never answered rightly: later answers are compared with its first."""
    said = [(8, None), (9, "Blue."), (8, None), (9, "It is blue."), (8, "Blue."), (9, "Green."), (8, "")]
    found = find(ProcessLog(0, [asked(picture, words, "soak/canary") for picture, words in said]))
    assert codes(found) == {Code.CANARY_DRIFT, Code.EMPTY}
    assert (found.canaries.events, found.canaries.asked) == (1, 4)
    assert found.issues[0] == (
        "STATE.canary_drift: 1 of 4 requests; for example 'Blue.' where 'Red.' was expected."
    )


def test_a_server_that_is_not_ours_is_not_looked_into() -> None:
    found = find(ProcessLog(0, []))
    assert found.growth == Missing(missing="the server was running already and is not ours to look into")
    assert isinstance(found.threads, Missing)
    assert found.footprints == found.same_image == ()


HOLDS = """
import sys, threading
files = [open("/dev/null") for _ in range(int(sys.argv[1]))]
memory = b"x" * int(sys.argv[2])
threading.Thread(target=sys.stdin.read, daemon=True).start()
print("ready", flush=True)
sys.stdin.read()
"""


def holding(files: int, size_bytes: int) -> dict[str, float]:
    argv = [sys.executable, "-c", HOLDS, str(files), str(size_bytes)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        return held([child.pid])


def test_each_is_counted() -> None:
    few, many = holding(0, 1), holding(7, 30_000_000)
    assert many["descriptors"] - few["descriptors"] == 7
    assert few["threads"] == many["threads"] == 2
    assert 29e6 < many["footprint_bytes"] - few["footprint_bytes"] < 33e6


def test_a_process_that_has_ended_holds_nothing() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    assert held([child.pid]) == {"footprint_bytes": 0.0, "descriptors": 0.0, "threads": 0.0}
