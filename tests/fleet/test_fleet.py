"""The fleet on the real engine: one process a model, whoever asks and whatever happens to it."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import EngineSettings, LocalModel
from viewfinder.core.errors import ModelFilesError, UnknownModel
from viewfinder.core.paths import log_folder, run_folder
from viewfinder.fleet.fleet import Fleet


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    async with Fleet(
        Catalog(), EngineSettings(), run_folder=run_folder(), log_folder=log_folder()
    ) as running:
        yield running


def engines() -> list[psutil.Process]:
    return [
        process
        for process in psutil.Process().children(recursive=True)
        if any("llama_cpp_child" in word for word in process.cmdline())
        and "warden" not in process.cmdline()[3]
    ]


async def test_a_hundred_at_once_start_one_process(fleet: Fleet) -> None:
    leases = await asyncio.gather(*(fleet.acquire("glimpse") for _ in range(100)))
    assert len({lease.endpoint for lease in leases}) == 1
    assert len(engines()) == 1
    assert fleet.state_of("glimpse") == "ready"


async def test_a_model_id_and_the_models_name_share_one_process(fleet: Fleet) -> None:
    by_name = await fleet.acquire("glimpse")
    by_id = await fleet.acquire("viewfinder/glimpse")
    assert by_id.endpoint == by_name.endpoint
    assert (by_id.card.name, by_id.variant.name) == ("glimpse", "llama.cpp-f16")
    assert fleet.state_of("viewfinder/glimpse") == fleet.state_of("glimpse") == "ready"
    assert len(engines()) == 1


async def test_what_is_up_stays_the_choice(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is pulled or measured meanwhile must not start a second process beside the first."""
    lease = await fleet.acquire("glimpse")

    def another_choice(card: object, measured: object) -> object:
        raise AssertionError("asked again")

    monkeypatch.setattr("viewfinder.fleet.fleet.choose_variant", another_choice)
    assert (await fleet.acquire("glimpse")).endpoint == lease.endpoint
    assert fleet.variant_of("glimpse") == lease.variant


async def test_only_models_whose_files_are_here_can_be_asked_for(
    fleet: Fleet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert [card.name for card in fleet.cards()] == ["glimpse"]


async def test_who_leaves_while_it_loads_takes_nothing_from_the_others(fleet: Fleet) -> None:
    first = asyncio.create_task(fleet.acquire("glimpse"))
    second = asyncio.create_task(fleet.acquire("glimpse"))
    await asyncio.sleep(0)
    first.cancel()
    assert (await second).card.name == "glimpse"


async def test_after_a_death_the_next_lease_meets_a_fresh_process(fleet: Fleet) -> None:
    lease = await fleet.acquire("glimpse")
    (engine,) = engines()
    engine.send_signal(signal.SIGKILL)
    await lease.report_death()
    fresh = await fleet.acquire("glimpse")
    assert fresh.endpoint != lease.endpoint
    status, _ = await fresh.client.get("/health", timeout_s=5)
    assert status == 200
    assert [process.pid for process in engines()] != [engine.pid]


async def test_a_death_is_noted_without_a_request(fleet: Fleet) -> None:
    await fleet.acquire("glimpse")
    (engine,) = engines()
    engine.send_signal(signal.SIGKILL)
    async with asyncio.timeout(10):
        while fleet.state_of("glimpse") == "ready":  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert fleet.state_of("glimpse") == "stopped"


async def test_an_unknown_model_is_said_before_anything_starts(fleet: Fleet) -> None:
    with pytest.raises(UnknownModel, match="glimpse"):
        await fleet.acquire("glimpsy")
    assert engines() == []


async def test_a_truncated_file_is_found_before_the_engine_starts(tmp_path: Path) -> None:
    variant = Catalog().get("glimpse").variants[0]
    whole = Catalog().resolve(variant).model.read_bytes()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(whole[: len(whole) // 2])
    catalog = Catalog({"cut": LocalModel(model=cut)})
    async with Fleet(catalog, EngineSettings(), run_folder=run_folder(), log_folder=log_folder()) as fleet:
        with pytest.raises(ModelFilesError, match="truncated"):
            await fleet.acquire("cut")
    assert engines() == []


async def test_closing_ends_what_is_up_and_what_is_loading() -> None:
    fleet = Fleet(Catalog(), EngineSettings(), run_folder=run_folder(), log_folder=log_folder())
    loading = asyncio.create_task(fleet.acquire("glimpse"))
    while not engines():  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    await fleet.close()
    assert engines() == []
    with pytest.raises(asyncio.CancelledError):
        await loading
