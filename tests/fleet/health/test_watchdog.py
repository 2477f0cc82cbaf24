"""Silence, idleness and memory of what is up, on the virtual clock."""

import asyncio
import logging
from pathlib import Path

import pytest

from viewfinder.core.errors import EngineStalled
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.health.entry import ModelEntry
from viewfinder.fleet.record.request_shape import RequestShape

from ..playing import play, relay, said
from ..world import GB, HOLDS, World


def entry_of(fleet: Fleet, model: str) -> ModelEntry:
    return next(entry for entry in fleet._entries.values() if entry.card.name == model)


def test_a_stall_revokes_every_lease_of_the_engine_and_ends_it(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        """Told once; and those who linger do not cost the fresh process its life, as they did."""
        async with await fleet.acquire("a") as silent, await fleet.acquire("a") as other:
            (engine,) = world.children
            engine.is_wedged = True
            engine.tell()
            await asyncio.sleep(60)
            assert (engine.exit, silent.revoked) == (None, None)
            await asyncio.sleep(10)
            assert engine.exit is not None
            await asyncio.sleep(100)
            for lease in (silent, other):
                with pytest.raises(EngineStalled, match="made no progress"):
                    lease.check()
        async with await fleet.acquire("a") as fresh:
            fresh.check()
        (stall,) = [event.details for event in fleet.events.recent if event.kind == "stall"]
        assert (stall["phase"], stall["expected_s"]) == ("prefill", None)

    play(story, tmp_path, canary=False)


def test_what_was_learned_shortens_the_patience(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        await said(relay(fleet, "a"))
        asking = asyncio.create_task(said(relay(fleet, "a")))
        await asyncio.sleep(0.01)
        world.children[0].is_wedged = True
        await asyncio.sleep(5 + 1 + 1)  # the floor, a look, and the ticks between
        assert world.children[0].exit is not None
        await asking

    play(story, tmp_path, canary=False)


def test_a_slow_engine_that_works_is_left_alone(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        await said(relay(fleet, "a"))
        world.children[0].word_s = 50.0
        assert "0:2" in await said(relay(fleet, "a"))
        assert fleet.events.counts["stall", "a"] == 0

    assert len(play(story, tmp_path, canary=False).children) == 1


def test_an_engine_that_works_for_longer_than_any_answer_takes_is_replaced(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        await said(relay(fleet, "a"))
        world.children[0].word_s = 1000.0
        begun_s = asyncio.get_running_loop().time()
        assert "0:2" in await said(relay(fleet, "a"))  # retried: no word had come
        assert 60 < asyncio.get_running_loop().time() - begun_s < 70
        (stall,) = [event.details for event in fleet.events.recent if event.kind == "stall"]
        assert stall["phase"] == "prefill"

    assert len(play(story, tmp_path, canary=False).children) == 2


@pytest.mark.parametrize("answers", [False, True])
def test_an_engine_that_computes_for_nobody_is_replaced_unless_it_answers(
    tmp_path: Path, answers: bool
) -> None:
    """Some engines poll, and use a core while they wait for requests."""

    async def story(world: World, fleet: Fleet) -> None:
        await said(relay(fleet, "a"))
        await asyncio.sleep(3)  # it stops computing
        (engine,) = world.children
        engine.uses_a_core, engine.is_wedged = True, not answers
        async with await fleet.acquire("a", RequestShape(characters=1, max_tokens=3, stream=True)):
            await asyncio.sleep(0.5)
        await asyncio.sleep(5 + 1 + 10 + 1)  # the floor, a look, the probe
        assert (engine.exit is None) == answers
        stalls = [event.details["phase"] for event in fleet.events.recent if event.kind == "stall"]
        assert stalls == ([] if answers else ["abandoned"])
        async with await fleet.acquire("a") as lease:
            lease.check()

    play(story, tmp_path, canary=False)


@pytest.mark.parametrize("pinned", [False, True])
def test_a_model_that_nobody_uses_is_unloaded_unless_it_is_pinned(tmp_path: Path, pinned: bool) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        fleet.pin("a", pinned)
        async with await fleet.acquire("a"):
            await asyncio.sleep(50)
        await asyncio.sleep(29)
        assert fleet.state_of("a") == "ready"
        await asyncio.sleep(2)
        assert fleet.state_of("a") == ("ready" if pinned else "stopped")
        unloads = [event.details["why"] for event in fleet.events.recent if event.kind == "unload"]
        assert unloads == ([] if pinned else ["idle"])

    play(story, tmp_path, idle_unload_s=30)


def test_a_model_that_grew_makes_an_idle_one_go_but_none_in_use_and_none_pinned(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        await fleet.load("a")
        fleet.pin("b")
        async with await fleet.acquire("b"), await fleet.acquire("a"):
            for engine in world.alive():
                engine.memory_bytes += GB // 4
            await asyncio.sleep(40)
            assert entry_of(fleet, "a").vitals.need_bytes == HOLDS["a"] + GB // 4
            assert (fleet.state_of("a"), fleet.state_of("b")) == ("ready", "ready")
        await asyncio.sleep(5)
        assert (fleet.state_of("a"), fleet.state_of("b")) == ("stopped", "ready")

    play(story, tmp_path)


def test_what_was_measured_is_the_plan_of_the_next_run(tmp_path: Path) -> None:
    async def first(world: World, fleet: Fleet) -> None:
        await fleet.load("a")
        world.children[0].memory_bytes = GB
        await said(relay(fleet, "a"))
        await asyncio.sleep(15)
        assert fleet.view().planned_bytes == GB

    async def second(world: World, fleet: Fleet) -> None:
        loading = asyncio.create_task(fleet.load("a"))
        await asyncio.sleep(0)
        assert fleet.view().planned_bytes == GB
        await loading

    play(first, tmp_path)
    play(second, tmp_path)


def test_memory_that_does_not_come_back_at_once_is_waited_for(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        await fleet.load("c")
        await asyncio.sleep(1)
        loading = asyncio.create_task(fleet.load("a"))
        world.returns_after_s = 3
        await asyncio.sleep(2)
        assert (world.alive(), fleet.state_of("c")) == ([], "stopping")
        await asyncio.sleep(2)
        assert world.alive("a")
        await loading

    play(story, tmp_path, canary=False)


def test_memory_that_never_comes_back_is_not_waited_for_for_ever(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        await fleet.load("c")
        await asyncio.sleep(1)
        world.returns_after_s = 1000  # another program has taken it
        begun_s = asyncio.get_running_loop().time()
        await fleet.unload("c")
        assert 5 <= asyncio.get_running_loop().time() - begun_s < 6

    with caplog.at_level(logging.WARNING):
        play(story, tmp_path, canary=False)
    assert "its memory was not free" in caplog.text
