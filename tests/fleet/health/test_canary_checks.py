"""When the canary is asked, and what follows from its answer, on the virtual clock."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from viewfinder.core.errors import EngineError, EngineQuarantined, EngineRefused, ModelFailed, ViewfinderError
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.health import canary_checks
from viewfinder.fleet.health.canary import Canary, CanaryResult, candidates
from viewfinder.fleet.health.canary_checks import DUE_ANSWERS

from ..playing import play, relay, said
from ..world import World


async def collect(chunks: AsyncIterator[dict[str, Any]]) -> None:
    async for _ in chunks:
        pass


def canaries(fleet: Fleet) -> list[bool]:
    return [event.details["good"] for event in fleet.events.recent if event.kind == "canary"]


def kinds(fleet: Fleet) -> list[str]:
    return [event.kind for event in fleet.events.recent if event.kind not in ("unload", "canary")]


def verified(fleet: Fleet) -> Any:
    return fleet.view().servers[0].verified


def test_it_is_asked_after_a_load_and_when_a_model_that_was_used_is_idle(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        await fleet.load("a")
        await asyncio.sleep(0.5)
        assert (canaries(fleet), verified(fleet)) == ([], None)
        await asyncio.sleep(3)
        assert (canaries(fleet), verified(fleet)) == ([True], True)
        await asyncio.sleep(300)
        assert canaries(fleet) == [True]  # nobody used it meanwhile
        await said(relay(fleet, "a"))
        await asyncio.sleep(59)
        assert canaries(fleet) == [True]
        await asyncio.sleep(3)
        assert canaries(fleet) == [True, True]

    play(story, tmp_path)


def test_known_images_are_painted_in_a_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first check of a model held up every request for 45 ms."""
    in_threads: list[object] = []
    to_thread = asyncio.to_thread

    async def noted(work: Any, *args: Any) -> Any:
        in_threads.append(work)
        return await to_thread(work, *args)

    def canary_of(*args: Any, **words: Any) -> Canary:
        assert candidates in in_threads
        return Canary(*args, **words)

    async def story(world: World, fleet: Fleet) -> None:
        await fleet.load("a")
        await asyncio.sleep(4)
        assert canaries(fleet) == [True]

    monkeypatch.setattr(asyncio, "to_thread", noted)
    monkeypatch.setattr("viewfinder.fleet.health.canary_checks.Canary", canary_of)
    play(story, tmp_path)


def test_it_is_asked_after_so_many_answers_while_others_go_on(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        for _ in range(4):
            await said(relay(fleet, "a"))
        assert canaries(fleet) == []
        request = relay(fleet, "a")
        await said(request)
        assert await said(relay(fleet, "a"))  # at once: nothing is held
        await asyncio.sleep(5)
        assert canaries(fleet) == [True]
        assert fleet.answers.get(request.envelope[1]).status == "confirmed"

    play(story, tmp_path, canary_requests=5)


def test_quick_answers_leave_it_a_small_share_and_a_rest_is_used_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two pictures after every 50 texts took as long as the texts."""
    check = Canary.check

    async def slowly(*args: Any, **words: Any) -> CanaryResult:
        await asyncio.sleep(1)
        return await check(*args, **words)

    monkeypatch.setattr(Canary, "check", slowly)

    async def story(world: World, fleet: Fleet) -> None:
        await fleet.load("a")
        await asyncio.sleep(4)
        record, clock = fleet._entries["a/a-1"].checks, asyncio.get_running_loop().time
        begun_s, before = clock(), len(canaries(fleet))
        for _ in range(1000):
            await said(relay(fleet, "a", words=1))
        checks = len(canaries(fleet)) - before
        assert 1 <= checks <= 1 + canary_checks.SHARE * (clock() - begun_s) / record.took_s
        for _ in range(DUE_ANSWERS):
            await said(relay(fleet, "a", words=1))
        await asyncio.sleep(canary_checks.FRESH_IDLE_S + 2)
        assert (len(canaries(fleet)) - before > checks, record.answers_since < DUE_ANSWERS) == (True, True)

    play(story, tmp_path)


def test_no_canary_is_asked_where_it_is_switched_off(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        await said(relay(fleet, "a"))
        await asyncio.sleep(300)
        assert (canaries(fleet), verified(fleet)) == ([], None)

    play(story, tmp_path, canary=False)


def test_a_wrong_one_stops_what_is_being_said_marks_what_was_and_a_fresh_process_proves_itself(
    tmp_path: Path,
) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        await fleet.load("a")
        await asyncio.sleep(3)
        before, after = relay(fleet, "a"), relay(fleet, "a")
        await said(before)
        await asyncio.sleep(70)
        await said(after)
        old = world.children[0]
        old.is_corrupt = True
        chunks = relay(fleet, "a", words=10_000).chunks()
        await anext(chunks)
        for number in range(50):
            await said(relay(fleet, "a", number, words=1))
        with pytest.raises(EngineQuarantined, match="was cut off"):
            await collect(chunks)
        assert fleet.answers.get(before.envelope[1]).status == "confirmed"
        assert fleet.answers.get(after.envelope[1]).status == "suspect"
        assert kinds(fleet) == ["load", "ready", "quarantine", "suspect"]
        assert str(old.pid) not in await said(relay(fleet, "a"))
        assert kinds(fleet)[4:] == ["death", "restart", "load", "ready"]
        assert canaries(fleet)[-2:] == [False, True]

    play(story, tmp_path)


def test_fresh_processes_that_stay_wrong_are_never_ready(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        await fleet.load("a")
        await asyncio.sleep(3)
        world.corrupt.add("a")
        world.children[0].is_corrupt = True
        await said(relay(fleet, "a"))
        await asyncio.sleep(100)
        assert fleet.state_of("a") == "failed"
        assert kinds(fleet).count("ready") == 1
        with pytest.raises(ModelFailed, match="failed its canary again"):
            await fleet.acquire("a")

    assert len(play(story, tmp_path, deaths=3).children) == 3


def test_after_an_error_nobody_is_let_in_before_it_is_known_to_be_good(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        await fleet.load("a")
        await asyncio.sleep(3)
        world.children[0].word_s = 5.0
        async with await fleet.acquire("a") as lease:
            reporting = asyncio.create_task(lease.report(EngineRefused("It refused.", status=500)))
            await asyncio.sleep(0)
            waiting = asyncio.create_task(fleet.acquire("a"))
            await asyncio.sleep(4)
            assert not waiting.done()
            await reporting
            async with await waiting as other:
                assert other.client is lease.client
        assert canaries(fleet) == [True, True]

    assert len(play(story, tmp_path).children) == 1


@pytest.mark.parametrize("is_sick", [False, True])
def test_a_model_without_a_canary_is_asked_for_its_health_after_an_error(
    tmp_path: Path, is_sick: bool
) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        world.corrupt.add("a")  # from the start: nothing is right that it could be asked
        await said(relay(fleet, "a"))
        await asyncio.sleep(10)
        assert (canaries(fleet), verified(fleet)) == ([], None)
        world.children[0].is_sick = is_sick
        async with await fleet.acquire("a") as lease:
            await lease.report(EngineRefused("It refused.", status=500))
        assert await said(relay(fleet, "a"))

    assert len(play(story, tmp_path).children) == 1 + is_sick


def test_an_error_of_a_process_that_is_gone_is_no_matter_of_the_next(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        async with await fleet.acquire("a") as lease:
            world.children[0].die(signal=9)
            async with await fleet.acquire("a"):
                errors: tuple[ViewfinderError, ...] = (EngineError("Late."), EngineRefused("Later."))
                for error in errors:
                    await lease.report(error)
        assert len(world.alive("a")) == 1

    assert len(play(story, tmp_path, canary=False).children) == 2
