"""The fleet on the real engine: one process a model, whoever asks and whatever happens to it."""

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from prometheus_client import generate_latest

from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import LocalModel, Settings
from viewfinder.core.errors import Busy, EngineDied, EngineRefused, ModelFilesError, UnknownModel
from viewfinder.core.paths import folders
from viewfinder.engines.llama_server import DECISION_PATH
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.process.slot_table import PromptPiece, PromptPieces
from viewfinder.gateway.metrics import Metrics
from viewfinder.scenes.messages import Message, image_message
from viewfinder.scenes.scene import make_scene


@pytest.fixture
async def fleet() -> AsyncIterator[Fleet]:
    async with Fleet(Catalog(), Settings(), folders()) as running:
        yield running


def engines() -> list[psutil.Process]:
    return list(filter(is_engine, psutil.Process().children(recursive=True)))


def is_engine(process: psutil.Process) -> bool:
    """Whether it is a living child program of the llama.cpp engine, and not its warden."""
    try:
        words = process.cmdline()
    except psutil.Error:  # it ended, and waits to be reaped
        return False
    return any("llama_cpp_child" in word for word in words) and "warden" not in words[3]


async def test_a_hundred_at_once_start_one_process_and_use_it_in_turn(fleet: Fleet) -> None:
    async def use() -> object:
        async with await fleet.acquire("glimpse") as lease:
            assert sum(server.leases for server in fleet.view().servers) <= 3, "two slots, and one ahead"
            return lease.client.endpoint

    assert len(set(await asyncio.gather(*(use() for _ in range(100))))) == 1
    assert len(engines()) == 1
    assert fleet.events.counts["load", "glimpse"] == 1
    (server,) = fleet.view().servers
    assert (server.state, server.leases, server.waiting) == ("ready", 0, 0)


async def test_a_view_and_the_metrics_look_at_no_process(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`/metrics` and `ps` walked through all processes of the computer, once a model, on the event loop."""
    await fleet.load("glimpse")
    (engine,) = engines()

    def looked(*_: object) -> object:
        raise AssertionError("looked at a process")

    monkeypatch.setattr(psutil, "pids", looked)
    monkeypatch.setattr(psutil, "_ppid_map", looked)
    monkeypatch.setattr("viewfinder.host.child.Child.pids", looked)
    (server,) = fleet.view().servers
    assert server.pid == engine.pid
    assert 'viewfinder_server_state{model="glimpse"' in generate_latest(Metrics(fleet).registry).decode()


async def test_a_model_id_and_the_models_name_share_one_process(fleet: Fleet) -> None:
    async with await fleet.acquire("glimpse") as by_name, await fleet.acquire("viewfinder/glimpse") as by_id:
        assert by_id.client.endpoint == by_name.client.endpoint
        assert (by_id.server.card.name, by_id.server.variant.name) == ("glimpse", "llama.cpp-f16")
    assert fleet.state_of("viewfinder/glimpse") == fleet.state_of("glimpse") == "ready"
    assert len(engines()) == 1


async def test_what_is_up_stays_the_choice(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that is pulled or measured meanwhile must not start a second process beside the first."""
    await fleet.load("glimpse")
    variant = fleet.variant_of("glimpse")

    def another_choice(*_: object) -> object:
        raise AssertionError("asked again")

    monkeypatch.setattr("viewfinder.fleet.fleet.choose_variant", another_choice)
    async with await fleet.acquire("glimpse") as lease:
        assert fleet.variant_of("glimpse") == lease.server.variant == variant


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
    async with await second as lease:
        assert lease.server.card.name == "glimpse"


async def test_after_a_death_the_next_lease_meets_a_fresh_process(fleet: Fleet) -> None:
    async with await fleet.acquire("glimpse") as lease:
        (engine,) = engines()
        engine.send_signal(signal.SIGKILL)
        await lease.report(EngineDied("The connection broke."))
    async with await fleet.acquire("glimpse") as fresh:
        assert fresh.client.endpoint != lease.client.endpoint
        status, _ = await fresh.client.get("/health", timeout_s=5)
    assert status == 200
    assert [process.pid for process in engines()] != [engine.pid]


async def test_a_death_is_mended_without_a_request(fleet: Fleet) -> None:
    await fleet.load("glimpse")
    (engine,) = engines()
    engine.send_signal(signal.SIGKILL)
    async with asyncio.timeout(10):
        while fleet.view().servers[0].starts < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await fleet.load("glimpse")
    assert fleet.state_of("glimpse") == "ready"
    (server,) = fleet.view().servers
    assert (server.starts, server.restarts, server.deaths) == (2, 1, 1)
    assert [event.kind for event in fleet.events.recent] == [
        "load", "ready", "death", "restart", "load", "ready",
    ]  # fmt: skip


async def test_an_unknown_model_is_last_text_anything_starts(fleet: Fleet) -> None:
    with pytest.raises(UnknownModel, match="glimpse"):
        await fleet.acquire("glimpsy")
    assert engines() == []


async def test_a_truncated_file_is_found_before_the_engine_starts(tmp_path: Path) -> None:
    variant = Catalog().get("glimpse").variants[0]
    whole = Catalog().resolve(variant).model.read_bytes()
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(whole[: len(whole) // 2])
    catalog = Catalog({"cut": LocalModel(model=cut)})
    async with Fleet(catalog, Settings(), folders()) as fleet:
        with pytest.raises(ModelFilesError, match="truncated"):
            await fleet.acquire("cut")
    assert engines() == []


async def test_closing_ends_what_is_up_and_what_is_loading() -> None:
    fleet = Fleet(Catalog(), Settings(), folders())
    loading = asyncio.create_task(fleet.acquire("glimpse"))
    while not engines():  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    await fleet.close()
    assert engines() == []
    with pytest.raises(Busy, match="stopping"):
        await loading
    with pytest.raises(Busy, match="stopping"):
        await fleet.acquire("glimpse")


async def test_a_model_without_a_decision_head_is_known_and_its_engine_says_501(fleet: Fleet) -> None:
    question = {"question": {"type": "noul", "instructions": "Is it?"}}
    async with await fleet.acquire("glimpse") as lease:
        assert lease.client.endpoint.decision_path == ""
        with pytest.raises(EngineRefused) as refused:
            await lease.client.complete({"state": "Look.", "questions": question}, DECISION_PATH)
    assert refused.value.status == 501


async def test_a_follow_up_finds_its_picture_with_two_users_between(fleet: Fleet) -> None:
    """Each of two texts took the slot that was unused for longest, and the second one that of the picture."""
    asked = [image_message(make_scene("slots", things=1), "What color is the shape?")]
    picture = [PromptPiece(1, 6_000), PromptPiece(2, 24)]

    async def ask(messages: list[Message], prompt: PromptPieces) -> tuple[str, int]:
        async with await fleet.acquire("glimpse", prompt=prompt) as lease:
            body = {"messages": messages, "max_tokens": 8, "temperature": 0, "id_slot": lease.slot}
            reply = await lease.client.complete(body)
            lease.answered("")
        cached = reply["usage"]["prompt_tokens_details"]["cached_tokens"]
        return reply["choices"][0]["message"]["content"], cached

    said, _ = await ask(asked, picture)
    for number in range(2):
        text = f"What is the capital of France, and of {number} others?"
        await ask([{"role": "user", "content": text}], [PromptPiece(10 + number, len(text))])
    asked += [{"role": "assistant", "content": said}, {"role": "user", "content": "Which shape is it?"}]
    _, cached = await ask(asked, [*picture, PromptPiece(3, 4), PromptPiece(4, 18)])
    assert cached > 50, "its picture alone has that many tokens"
