"""When a model is compared with itself before an upgrade, and what comes first, on the virtual clock."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from viewfinder.core.config import FleetSettings
from viewfinder.fleet.fleet import Fleet
from viewfinder.fleet.health.upgrade_checks import IN_USE_RETRY_S, _idle_s
from viewfinder.host.power import Power

from ..playing import play, relay, said
from ..world import World

IDLE_S = 70
"""Long enough for a mini-bench, which begins after 60 s."""


def upgrades(fleet: Fleet) -> list[Any]:
    return [event.details for event in fleet.events.recent if event.kind == "upgrade"]


def benches(folder: Path) -> list[int]:
    """The number of mini-benches of each engine, the current one last."""
    file = folder / "upgrades.json"
    (note,) = json.loads(file.read_text()).values() if file.exists() else ({"references": []},)
    return [len(one["benches"]) for one in note["references"]]


async def restarted(fleet: Fleet, world: World, version: str) -> None:
    """Another version of the engine is installed, and the next process has it."""
    await fleet.unload("a")
    world.engine.version_here = version
    await fleet.load("a")


async def begun(fleet: Fleet, request: int) -> None:
    """Wait until this request of the mini-bench of `a` was sent."""
    entry = fleet._entries["a/a-1"]
    while entry.upgrade.next_request < request:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


def test_it_is_asked_when_idle_at_each_start_until_enough_is_known(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        await fleet.load("a")
        await asyncio.sleep(55)
        assert benches(tmp_path) == []
        await asyncio.sleep(15)
        assert benches(tmp_path) == [1]
        await asyncio.sleep(1000)
        assert benches(tmp_path) == [1]  # once a process
        for number in range(2, 8):
            await restarted(fleet, world, "1")
            await asyncio.sleep(IDLE_S)
            assert benches(tmp_path) == [min(number, 5)]
        assert upgrades(fleet) == []
        assert fleet.view().servers[0].upgrade is None

    play(story, tmp_path)


@pytest.mark.parametrize(
    ("word_s", "wording", "verdict", "begins"),
    [
        (0.05, ".", "as before", "as before (the same 8 answers, "),
        (0.10, ".", "slower", "slower by 100 % ("),
        (0.02, ".", "faster", "faster by 60 % ("),
        (0.05, "!", "other answers", "other answers to 8 of 8 known requests; "),
    ],
)
def test_after_an_upgrade_it_says_what_changed_and_how_to_go_back(
    tmp_path: Path, word_s: float, wording: str, verdict: str, begins: str
) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        for _ in range(3):
            await restarted(fleet, world, "1")
            await asyncio.sleep(IDLE_S)
        world.word_s, world.wording = word_s, wording
        await restarted(fleet, world, "2")
        await asyncio.sleep(IDLE_S)
        (found,) = upgrades(fleet)
        assert found["verdict"] == verdict
        assert found["says"].startswith(begins)
        assert found["since"] == "fake 1 > 2"
        shown = fleet.view().servers[0].upgrade
        assert shown is not None
        assert shown["verdict"] == verdict
        assert shown["sentence"].startswith(begins)
        await restarted(fleet, world, "2")
        await asyncio.sleep(IDLE_S)
        assert len(upgrades(fleet)) == 1  # an upgrade is judged once
        assert fleet.view().servers[0].upgrade == shown  # and is still shown
        assert benches(tmp_path) == [3, 2]

    play(story, tmp_path)


def test_a_request_goes_first_and_it_continues_when_the_model_is_idle_again(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        world.word_s = 2.0
        await fleet.load("a")
        entry = fleet._entries["a/a-1"]
        await begun(fleet, 3)
        assert entry.upgrade.running is not None
        began_s = time.monotonic()
        assert len((await said(relay(fleet, "a", words=1))).split()) == 1
        assert time.monotonic() - began_s == pytest.approx(2.0, abs=0.1)  # as if nothing else was there
        assert entry.upgrade.running is None
        assert benches(tmp_path) == []
        asked = entry.upgrade.next_request
        await asyncio.sleep(50)
        assert entry.upgrade.next_request == asked
        await asyncio.sleep(60)
        assert benches(tmp_path) == [1]

    play(story, tmp_path)


def test_a_request_for_another_model_goes_first_too(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        world.word_s = 2.0
        await fleet.load("a")
        await fleet.load("b")
        entry = fleet._entries["a/a-1"]
        await begun(fleet, 2)
        asking = asyncio.create_task(said(relay(fleet, "b", words=1)))
        await asyncio.sleep(0.2)
        assert entry.upgrade.running is None
        await asking

    play(story, tmp_path)


@pytest.mark.parametrize("in_use", [True, False])
def test_it_waits_while_the_machine_is_in_use_or_on_battery(tmp_path: Path, in_use: bool) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        world.in_use, world.power = (0.9, Power()) if in_use else (0.0, Power(source="battery"))
        await fleet.load("a")
        await asyncio.sleep(500)
        assert benches(tmp_path) == []
        world.in_use, world.power = 0.0, Power(source="mains")
        await asyncio.sleep(IN_USE_RETRY_S + 10)
        assert benches(tmp_path) == [1]

    play(story, tmp_path)


def test_times_that_other_programs_disturbed_do_not_count(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        await fleet.load("a")
        await begun(fleet, 1)
        world.in_use = 0.9
        await asyncio.sleep(30)
        (note,) = json.loads((tmp_path / "upgrades.json").read_text()).values()
        ((bench,),) = [one["benches"] for one in note["references"]]
        assert len(bench["answers"]) == 8
        assert bench["times_s"] == {}

    play(story, tmp_path)


def test_it_can_be_turned_off(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        await fleet.load("a")
        await asyncio.sleep(500)
        assert benches(tmp_path) == []

    play(story, tmp_path, check_upgrades=False)


def test_an_engine_that_dies_meanwhile_is_compared_in_its_next_process(tmp_path: Path) -> None:
    async def story(world: World, fleet: Fleet) -> None:
        world.word_s = 2.0
        await fleet.load("a")
        await begun(fleet, 2)
        (child,) = world.alive("a")
        child.die(signal=11)
        await asyncio.sleep(5)
        assert benches(tmp_path) == []
        await said(relay(fleet, "a"))
        await asyncio.sleep(100)
        assert benches(tmp_path) == [1]

    play(story, tmp_path)


def test_a_model_that_is_unloaded_early_is_asked_before() -> None:
    assert _idle_s(FleetSettings()) == 60
    assert _idle_s(FleetSettings(idle_unload_s=30)) == 15
    assert _idle_s(FleetSettings(idle_unload_s=900)) == 60
