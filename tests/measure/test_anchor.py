"""The machine's own speed, timed by glimpse on llama.cpp around a run."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from tests.measure.on_glimpse import Killed, kill_when, measure
from tests.measure.store.test_store import RUN
from tests.measure.suites import small
from viewfinder.catalog.catalog import Catalog
from viewfinder.catalog.hashes import Hashes
from viewfinder.core.config import Settings
from viewfinder.core.paths import Folders
from viewfinder.measure import anchor, results
from viewfinder.measure.anchor import ANCHOR_IMAGES, ANCHOR_WARM_UP, Anchor
from viewfinder.measure.deadline import Deadline
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.progress import Progress, Steps
from viewfinder.measure.run_context import RunContext
from viewfinder.measure.store.rows import ANCHOR
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import Suite

SUITE = small(vision=8, text=8, budget_s=600.0, anchor=2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "results.sqlite") as opened:
        yield opened


def asked_of_the_anchor(store: Store) -> Counter[tuple[int, str]]:
    (run,) = store.runs()
    return Counter((one.process, one.scenario) for one in store.samples(run.run, ANCHOR))


WHOLE = {
    **{(process, "warm-up"): ANCHOR_WARM_UP for process in range(4)},
    **{(process, "anchor"): ANCHOR_IMAGES for process in range(4)},
}


async def test_killed_at_the_end_it_is_timed_once_and_is_no_model(store: Store, tmp_path: Path) -> None:
    seen: list[Progress] = []

    def second_time(progress: Progress) -> bool:
        seen.append(progress)
        return progress.model == "this computer" and progress.done == progress.total - 2

    with pytest.raises(Killed):
        await measure(store, tmp_path, SUITE, kill_when(second_time))
    result = await measure(store, tmp_path, SUITE, resume=True)
    assert asked_of_the_anchor(store) == WHOLE
    assert isinstance(result.machine_drift, Figure)
    assert result.machine_drift.low < result.machine_drift.value < result.machine_drift.high
    assert result.machine_drift.n == 4 * ANCHOR_IMAGES
    assert store.models_of(result.run) == ["glimpse"]
    assert [one.model for one in results.readable(store.latest())] == ["glimpse"]
    assert seen[0].model == "this computer"
    done = [progress.done for progress in seen]
    assert done == sorted(done)


async def test_a_run_resumed_with_another_engine_has_no_drift(store: Store, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        await measure(store, tmp_path, SUITE, kill_when(lambda progress: progress.doing == "conversations"))
    with closing(sqlite3.connect(tmp_path / "results.sqlite")) as database, database:
        changed = "json_set(fingerprint, '$.engine_version', '1')"
        database.execute(f"UPDATE fingerprints SET fingerprint = {changed} WHERE model = ?", (ANCHOR,))  # noqa: S608
    result = await measure(store, tmp_path, SUITE, resume=True)
    assert isinstance(result.machine_drift, Missing)
    assert (
        "its program or settings changed since the run began (engine_version: 1 > "
        in result.machine_drift.missing
    )
    assert {process for process, _ in asked_of_the_anchor(store)} == {0, 1}
    assert result.status == "verified"


async def test_a_computer_that_cannot_time_it_and_a_suite_without_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither stops a run: the result says why there is no figure, or has none."""
    monkeypatch.setattr(anchor, "_MODEL", "nonesuch")

    def of(suite: Suite) -> Anchor:
        folders = Folders(tmp_path, tmp_path, tmp_path)
        steps, hashes = Steps(9, lambda progress: None), Hashes(tmp_path / "hashes", tmp_path / "pulled")
        context = RunContext(RUN, suite, Catalog(), Settings(), store, folders, steps, hashes, Deadline(0))
        return Anchor(context)

    unable = of(SUITE)
    await unable.prepare()
    await unable.start()
    figure, drift = unable.drift()
    assert isinstance(figure, Missing)
    assert figure.missing.startswith("the anchor could not be timed: ")
    assert "nonesuch" in figure.missing
    none = of(replace(SUITE, anchor=0))
    await none.prepare()
    await none.end()
    assert (none.drift(), drift, store.runs()) == ((None, ""), "", [])
