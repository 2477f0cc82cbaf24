"""Starts with the model's files out of memory: asked of a real engine, judged on planted series."""

import mmap
from pathlib import Path

import pytest
from viewfinder.measure.measures.load.cold import STAMPS, ColdLoad, all_files

from viewfinder.catalog.card import ModelCard
from viewfinder.catalog.catalog import Catalog
from viewfinder.client.exchange import Exchange
from viewfinder.core.config import RunningServer
from viewfinder.host import page_cache
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.base import ProcessLog, Series
from viewfinder.measure.measures.load.result import LoadTimes
from viewfinder.measure.store.store import Sample, Store
from viewfinder.measure.suite import SUITES, Suite

from .conftest import Measure

SUITE = Suite(
    "tiny", processes=1, images=1, texts=1, vision=1, text=1, follow_up=1, budget_s=60.0, cold_starts=3
)
TIMES = {name: [0.1 * number + start / 100 for start in range(6)] for number, name in enumerate(STAMPS, 1)}


def heard(series: Series, *, scene: str = "a scene", broke_off: str = "") -> list[ProcessLog]:
    exchange = Exchange(started_s=0.0, finished_s=1.0, text="Red.")
    return [
        ProcessLog(
            0, [Sample("run", "glimpse", 9, "cold_load", "?", exchange, scene=scene)], series, broke_off
        )
    ]


def found(series: Series, **more: str) -> LoadTimes:
    result = ColdLoad().finds(heard(series, **more), SUITE)
    assert isinstance(result, LoadTimes), result
    return result


def why_not(series: Series, **more: str) -> str:
    result = ColdLoad().finds(heard(series, **more), SUITE)
    assert isinstance(result, Missing), result
    return result.missing


@pytest.mark.skipif(not page_cache.CAN_DROP, reason="only Linux can empty a file's page cache")
async def test_a_real_engine_reads_its_files_from_the_disk(measure: Measure, store: Store) -> None:
    result = await measure(SUITE)
    assert isinstance(result.cold_load, LoadTimes), result.cold_load
    values = []
    for name in LoadTimes.model_fields:
        figure = getattr(result.cold_load, name)
        assert isinstance(figure, Figure), figure
        assert (figure.n, figure.is_range) == (3, True), "fewer than six starts have no interval"
        assert "out of the page cache" in figure.how
        values.append(figure.value)
    assert values == sorted(values), "spawned, listening, ready, first token, first right answer"
    asked = [one for one in store.samples(result.run, "glimpse") if one.scenario == "cold_load"]
    assert len(asked) >= 3
    assert result.issues == (), "a start that was asked for is no failed start"


@pytest.mark.skipif(not page_cache.CAN_DROP, reason="only Linux can empty a file's page cache")
async def test_files_that_another_process_maps_cannot_be_loaded_cold(
    measure: Measure, glimpse: ModelCard
) -> None:
    weights = Catalog().resolve(glimpse.variants[0]).model
    with weights.open("rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        assert mapped[:: mmap.PAGESIZE], "every page is read"
        result = await measure(SUITE)
    assert isinstance(result.cold_load, Missing)
    assert "another process maps them" in result.cold_load.missing
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


def test_a_start_that_never_answered_right_is_told() -> None:
    times = found({"kept": [0.0] * 6, **TIMES, "first_correct_s": TIMES["first_correct_s"][:4]})
    assert times.first_correct == Missing(
        missing="2 of 6 starts never came to the first correct answer about an image"
    )
    assert isinstance(times.first_token, Figure)


def test_a_variant_without_vision_has_no_first_right_answer_about_an_image() -> None:
    times = found({"kept": [0.0] * 6, **TIMES, "first_correct_s": []}, scene="")
    assert times.first_correct == Missing(missing="this variant takes no images")


def test_starts_that_were_proven_cold_stay_so_when_a_later_one_is_not() -> None:
    times = found({"kept": [0.0] * 6 + [4096.0], **TIMES})
    assert isinstance(times.ready, Figure)


def test_files_that_stayed_in_memory_give_no_cold_load() -> None:
    nothing: Series = {name: [] for name in STAMPS}
    assert why_not({"kept": [3_500_000.0], **nothing}).startswith("3.5 MB of the model's files stayed")


def test_an_engine_that_died_gives_no_cold_load() -> None:
    assert why_not({}, broke_off="the engine died") == "the engine died"


def test_where_it_cannot_be_measured_the_reason_is_told(
    glimpse: ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    variant = glimpse.variants[0]
    assert ColdLoad().needs(variant) is None
    there = variant.model_copy(update={"server": RunningServer(base_url="http://127.0.0.1:9", model="x")})
    assert "not ours" in str(ColdLoad().needs(there))
    monkeypatch.setattr(page_cache, "CAN_DROP", False)
    assert "no way to empty the page cache" in str(ColdLoad().needs(variant))


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
    stage = ColdLoad()
    assert [stage.processes(suite) for suite in SUITES.values()] == [0, 1, 1]
    assert stage.steps(SUITES["standard"], 0) >= 6, "an interval needs six starts"
