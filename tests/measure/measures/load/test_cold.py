"""Starts with the model's files out of memory: asked of a real engine, judged on planted series."""

import mmap
import shutil
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

import pytest

from tests.measure.suites import small
from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import WEIGHTS, Catalog
from viewfinder.client.exchange import Exchange
from viewfinder.core.config import RunningServer
from viewfinder.host import page_cache
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.base import DEPTHS
from viewfinder.measure.measures.load import COLD
from viewfinder.measure.measures.load.ask import LOAD_STAMPS, all_files
from viewfinder.measure.measures.load.result import LoadTimes
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store.rows import ProcessOutcome, Sample
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import Suite, suite_named

Measure = Callable[[Suite], Awaitable[ModelResult]]
Planted = Mapping[str, Sequence[float]]

SUITE = small("tiny", cold_starts=3)
TIMES = {
    name: [0.1 * number + start / 100 for start in range(6)] for number, name in enumerate(LOAD_STAMPS, 1)
}


def result_of(series: Planted, *, vision: bool = True, broke_off: str = "") -> LoadTimes | Missing:
    exchange = Exchange(started_s=0.0, finished_s=1.0, text="Red.")
    sample = Sample("run", "m", 9, "cold_load", "?", exchange, scene="a scene" if vision else "")
    outcome = ProcessOutcome(
        series={name: tuple(values) for name, values in series.items()}, broke_off=broke_off
    )
    variant = Variant(name="v", engine="e", repo="r", vision=vision, text=True)
    return COLD.find([ProcessLog(9, [sample], outcome, COLD.name)], COLD.counts["standard"], variant)


def found(series: Planted, *, vision: bool = True) -> LoadTimes:
    result = result_of(series, vision=vision)
    assert isinstance(result, LoadTimes), result
    return result


def why_not(series: Planted, *, broke_off: str = "") -> str:
    result = result_of(series, broke_off=broke_off)
    assert isinstance(result, Missing), result
    return result.missing


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A copy: a test beside this one may have the files of the package open."""
    return shutil.copytree(WEIGHTS, tmp_path / "weights")


@pytest.mark.skipif(not page_cache.CAN_DROP, reason="only Linux can empty a file's page cache")
async def test_a_real_engine_reads_its_files_from_the_disk(measure: Measure, store: Store) -> None:
    result = await measure(SUITE)
    times = result.found["cold_load"]
    assert isinstance(times, LoadTimes), times
    values = []
    for name in LoadTimes.model_fields:
        figure = getattr(times, name)
        assert isinstance(figure, Figure), figure
        assert (figure.n, figure.is_range) == (3, True), "fewer than six starts have no interval"
        assert "out of the page cache" in figure.how
        values.append(figure.value)
    assert values == sorted(values), "spawned, listening, ready, first token, first right answer"
    samples = [one for one in store.samples(result.run, "glimpse") if one.scenario == "cold_load"]
    assert len(samples) >= 3
    assert result.issues == (), "a start that the measure wants is no failed start"


@pytest.mark.skipif(not page_cache.CAN_DROP, reason="only Linux can empty a file's page cache")
async def test_files_that_another_process_maps_cannot_be_loaded_cold(
    measure: Measure, glimpse: ModelCard, weights: Path
) -> None:
    model = Catalog(weights=weights).resolve(glimpse.variants[0]).model
    with model.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        assert mapped[:: mmap.PAGESIZE], "every page is read"
        result = await measure(SUITE)
    why = result.found["cold_load"]
    assert isinstance(why, Missing)
    assert "another process maps them" in why.missing
    assert result.status != "failed"


def test_the_stamps_of_all_starts() -> None:
    times = found({"kept": [0.0] * 6, **TIMES})
    assert isinstance(times.ready, Figure)
    assert (times.ready.n, times.ready.is_range) == (6, False)
    assert times.ready.value == pytest.approx(0.324, abs=1e-3)
    assert times.ready.how == (
        "geometric mean of 6 fresh starts, files out of the page cache (posix_fadvise, proven by mincore); "
        "process start to the engine's report that it is ready"
    )


def test_a_start_that_never_answered_right_is_reported() -> None:
    times = found({"kept": [0.0] * 6, **TIMES, "first_correct_s": TIMES["first_correct_s"][:4]})
    assert times.first_correct == Missing(
        missing="2 of 6 starts never reached the first correct answer about an image"
    )
    assert isinstance(times.first_token, Figure)


def test_a_variant_without_vision_has_no_first_right_answer_about_an_image() -> None:
    times = found({"kept": [0.0] * 6, **TIMES, "first_correct_s": []}, vision=False)
    assert times.first_correct == Missing(missing="this variant takes no images")


def test_starts_that_were_proven_cold_stay_so_when_a_later_one_is_not() -> None:
    times = found({"kept": [0.0] * 6 + [4096.0], **TIMES})
    assert isinstance(times.ready, Figure)


def test_files_that_stayed_in_memory_give_no_cold_load() -> None:
    nothing: Planted = {name: [] for name in LOAD_STAMPS}
    assert why_not({"kept": [3_500_000.0], **nothing}).startswith("3.5 MB of the model's files stayed")


def test_an_engine_that_died_gives_no_cold_load() -> None:
    assert why_not({}, broke_off="the engine died") == "the engine died"


def test_where_it_cannot_be_measured_the_reason_is_given(
    glimpse: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant = glimpse.variants[0]
    assert COLD.skip_reason(variant) is None
    there = variant.model_copy(update={"server": RunningServer(base_url="http://127.0.0.1:9", model="x")})
    assert "not ours" in str(COLD.skip_reason(there))
    monkeypatch.setattr(page_cache, "CAN_DROP", False)
    assert "no way to empty the page cache" in str(COLD.skip_reason(variant))


def test_every_file_of_a_folder_counts_and_links_lead_to_theirs(tmp_path: Path) -> None:
    """A hub's snapshot is a folder of links."""
    folder, blobs = tmp_path / "snapshot", tmp_path / "blobs"
    (folder / "part").mkdir(parents=True)
    blobs.mkdir()
    (blobs / "5a3b").write_bytes(b"x" * 10_000)
    (folder / "model.safetensors").symlink_to(blobs / "5a3b")
    (folder / "part" / "config.json").write_text("{}")
    single = tmp_path / "mmproj.gguf"
    single.write_bytes(b"x" * 100)
    files = all_files([folder, single])
    assert [file.name for file in files] == ["model.safetensors", "config.json", "mmproj.gguf"]
    if page_cache.CAN_DROP:
        assert page_cache.resident_bytes(files[0]) == 12_288, "of the file that the link leads to"


def test_the_suites_that_have_it() -> None:
    suites = [suite_named(name) for name in DEPTHS]
    processes = [{measure.name: number for measure, number in suite.apart()} for suite in suites]
    assert [some.get("cold_load", 0) for some in processes] == [0, 1, 1]
    assert COLD.steps(COLD.counts["standard"], 0) >= 6, "an interval needs six starts"
