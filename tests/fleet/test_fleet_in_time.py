"""What befalls a fleet in the course of time, on the virtual clock; the state machine found most of it."""

import asyncio
import contextlib
import time
from pathlib import Path

import pytest

from viewfinder.core.errors import Busy, EngineDied, EngineQuarantined, MemoryShort, ModelFailed
from viewfinder.fleet.fleet import Fleet

from .playing import play, relay, said, settings_of
from .world import World


def test_a_failed_model_that_a_person_loads_waits_for_its_memory_too(tmp_path: Path) -> None:
    """It was started at once, whatever else was up, and both together were more than the budget."""

    async def story(world: World, fleet: Fleet) -> None:
        world.fates["c"] = "dies"
        with pytest.raises(EngineDied):
            await fleet.acquire("c")
        async with await fleet.acquire("a"):
            with pytest.raises(ModelFailed):
                await fleet.acquire("c")
            del world.fates["c"]
            loading = asyncio.create_task(fleet.load("c"))
            await asyncio.sleep(1)
            assert (world.alive("c"), len(world.alive("a"))) == ([], 1)
        await loading
        assert (len(world.alive("c")), world.alive("a")) == (1, [])

    play(story, tmp_path, deaths=1)


def test_a_failed_model_that_cannot_fit_is_short_of_memory_when_a_person_loads_it(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        world.fates["c"] = "dies"
        with pytest.raises(EngineDied):
            await fleet.load("c")
        await fleet.load("a")
        fleet.pin("a")
        with pytest.raises(MemoryShort):
            await fleet.load("c")

    play(story, tmp_path, deaths=1)


def test_a_client_that_stops_to_read_does_not_cost_the_others_their_engine(tmp_path: Path) -> None:
    """An engine stalls when nobody reads its answer; it was killed for that."""

    async def story(world: World, fleet: Fleet) -> None:
        for _ in range(3):  # how long a word takes is known
            await said(relay(fleet, "a"))
        slow = relay(fleet, "a", words=9).chunks()
        for _ in range(3):
            await anext(slow)
        await asyncio.sleep(300)
        assert "0:2" in await said(relay(fleet, "a"))
        assert [chunk async for chunk in slow]
        assert fleet.events.counts["stall", "a"] == 0
        assert len(world.children) == 1

    play(story, tmp_path)


def test_requests_that_leave_at_once_are_one_look_at_the_queue(tmp_path: Path, monkeypatch) -> None:
    """Each of 256 looked at all others, and together they held up every client for 46 ms."""

    async def story(world: World, fleet: Fleet) -> None:
        looks: list[int] = []
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(2):
                await stack.enter_async_context(await fleet.acquire("a"))
            waiting = [asyncio.create_task(fleet.acquire("a")) for _ in range(200)]
            await asyncio.sleep(1)
            monkeypatch.setattr("viewfinder.fleet.fleet.decide", lambda *given: looks.append(1) or [])
            *leaving, staying = waiting
            for task in leaving:
                task.cancel()
            await asyncio.wait(leaving)
            await asyncio.sleep(0)
            assert 0 < len(looks) < 5
            monkeypatch.undo()
            staying.cancel()
            await asyncio.wait([staying])
        assert fleet.view().waiting == 0

    play(story, tmp_path)


def test_an_engine_that_stands_still_is_ended_and_the_request_is_answered_by_the_next(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        await fleet.load("a")
        asking = asyncio.create_task(said(relay(fleet, "a")))
        await asyncio.sleep(0.01)
        world.children[0].is_wedged = True
        answer = await asking
        assert answer.startswith(str(world.children[1].pid))
        assert (fleet.events.counts["stall", "a"], fleet.events.counts["replay", "a"]) == (1, 1)

    play(story, tmp_path)


def test_settings_that_change_twice_meanwhile_lose_nobody(tmp_path: Path) -> None:
    """The second change forgot the entry that the first had made, and who waited there waited for ever."""

    async def story(world: World, fleet: Fleet) -> None:
        world.fates["a"] = "ignores TERM"
        await fleet.load("a")
        asking = [asyncio.create_task(said(relay(fleet, "a", number, words=40))) for number in range(5)]
        await asyncio.sleep(0.5)
        changes = []
        for slots in (1, 3, 2, 3):
            settings = settings_of(slots, memory_budget_gb=2)
            changes.append(asyncio.create_task(fleet.reload(world.catalog, settings, {"a"})))
            await asyncio.sleep(1.9)
        await asyncio.gather(*changes)
        for number, task in enumerate(asking):
            assert f":{number}:39" in await task
        assert fleet.view().servers[0].state == "ready"

    play(story, tmp_path, drain_s=3)


def test_who_waits_while_settings_change_meets_the_new_ones_at_once(tmp_path: Path) -> None:
    """The old process was begun once more, and then forgotten while it ran."""

    async def story(world: World, fleet: Fleet) -> None:
        await fleet.load("a")
        asking = [asyncio.create_task(said(relay(fleet, "a", number, words=40))) for number in range(6)]
        await asyncio.sleep(0.5)
        await fleet.reload(world.catalog, settings_of(4), {"a"})
        await asyncio.gather(*asking)

    world = play(story, tmp_path)
    assert [child.most_busy for child in world.children] == [2, 4]


def test_of_two_variants_at_rest_the_one_that_is_waited_for_is_meant(tmp_path: Path) -> None:
    """A second request came first, chose again, and the choice of the first one was forgotten."""

    async def story(world: World, fleet: Fleet) -> None:
        await fleet.load("c")
        await fleet.unload("c")
        world.choice["c"] = 1
        async with await fleet.acquire("a"):
            asking = [asyncio.create_task(said(relay(fleet, "c", number))) for number in range(3)]
            await asyncio.sleep(1)
            assert [server.waiting for server in fleet.view().servers if server.model == "c"] == [0, 3]
        await asyncio.gather(*asking)

    assert [child.variant for child in play(story, tmp_path).children] == ["c-1", "a-1", "c-2"]


def test_of_a_wrong_engine_not_even_the_first_word_comes_through_after_its_canary(tmp_path: Path) -> None:
    """A client that took its time between a stream's opening and its first word got that word."""

    async def story(world: World, fleet: Fleet) -> None:
        await fleet.load("a")
        await asyncio.sleep(3)
        chunks = relay(fleet, "a", words=9).chunks()
        opening = await anext(chunks)
        assert opening["choices"][0]["delta"] == {"role": "assistant", "content": ""}
        world.children[0].is_corrupt = True
        for number in range(5):
            await said(relay(fleet, "a", number))
        await asyncio.sleep(1)
        assert fleet.events.counts["quarantine", "a"] == 1
        with pytest.raises(EngineQuarantined):
            await anext(chunks)

    play(story, tmp_path, canary_requests=5)


def test_who_waits_for_a_model_in_backoff_is_not_refused_by_new_settings(tmp_path: Path) -> None:
    """What the old process had died of was told to those who could have had the new one."""

    async def story(world: World, fleet: Fleet) -> None:
        world.fates["a"] = "dies"
        asking = asyncio.create_task(said(relay(fleet, "a")))
        await asyncio.sleep(1)
        assert fleet.state_of("a") == "backoff"
        del world.fates["a"]
        await fleet.reload(world.catalog, settings_of(1), {"a"})
        assert "0:2" in await asking

    play(story, tmp_path)


def test_a_model_that_was_stopped_in_backoff_has_not_failed(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        world.fates["c"] = "dies"
        loading = asyncio.create_task(fleet.load("c"))
        await asyncio.sleep(1)
        await fleet.unload("c")
        with pytest.raises(Busy, match="being unloaded"):
            await loading
        assert [server.reason for server in fleet.view().servers] == [""]

    play(story, tmp_path)


def test_a_client_that_fills_the_queue_keeps_nobody_out(tmp_path: Path) -> None:
    """Everybody else was told that the queue is full, or waited for all that this client had sent before."""

    async def story(world: World, fleet: Fleet) -> None:
        served: list[str] = []

        async def ask(client: str) -> None:
            async with await fleet.acquire("a", client=client):
                served.append(client)
                await asyncio.sleep(1)

        await fleet.load("a")
        flood = [asyncio.create_task(ask("many")) for _ in range(5)]
        await asyncio.sleep(0.1)
        with pytest.raises(Busy, match="is full"):
            await ask("many")
        await ask("one")
        refused = await asyncio.gather(*flood, return_exceptions=True)
        assert served == ["many", "many", "one", "many", "many"]
        assert [getattr(error, "reason", "") for error in refused] == ["", "", "", "", "queue_full"]

    play(story, tmp_path, slots=1, queue_per_model=4)


def test_the_clock_of_a_request_that_was_sent_ahead_runs_when_its_slot_is_free(tmp_path: Path) -> None:
    """It waits in the engine's own queue for an answer of three minutes: longer than a slot may be silent."""

    async def story(world: World, fleet: Fleet) -> None:
        world.engine.queues_in_order = True
        await fleet.load("a")
        first = await fleet.acquire("a")
        ahead = await fleet.acquire("a")
        third = asyncio.create_task(fleet.acquire("a"))
        assert (first.is_ahead, ahead.is_ahead) == (False, True)
        for _ in range(180):
            await asyncio.sleep(1)
            first.chunk_arrived()
        assert fleet.events.counts["stall", "a"] == 0
        assert not third.done()
        waited_s = time.monotonic() - ahead.last_chunk_s
        async with first:
            pass
        assert (ahead.is_ahead, time.monotonic() - ahead.last_chunk_s) == (False, 0), waited_s
        async with ahead, await third as behind:
            assert behind.is_ahead
        assert fleet.view().servers[0].leases == 0

    play(story, tmp_path, slots=1)
