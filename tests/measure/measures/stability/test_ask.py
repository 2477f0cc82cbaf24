"""Engines that mix up their users' pictures are found and named; one that does not is let off."""

import asyncio
import dataclasses
import functools
import json
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from tests.faults.conftest import PLUGIN
from tests.faults.gateway import FaultyCatalog
from tests.measure.measures.one_measure import NOTHING, Truths, faulty, folders_in, run, run_glimpse, truths
from tests.measure.measures.stability.made_up import codes
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.paths import Folders
from viewfinder.engines.registry import engines
from viewfinder.fleet.process.servers import make_server
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.soak.counts import SoakCounts
from viewfinder.measure.measures.soak.result import Soak
from viewfinder.measure.measures.stability.ask import DISCONNECT_S
from viewfinder.measure.measures.stability.counts import StabilityCounts
from viewfinder.measure.measures.stability.result import Repeats, Stability
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store.store import Store
from viewfinder.measure.troubles.pictures import pictures
from viewfinder.measure.troubles.trouble import Code, Rate, Trouble

COUNTS = StabilityCounts(references=2, walk=60, between=3, repeats=20, together=24, budget_s=60.0)
FEWER = dataclasses.replace(COUNTS, walk=24, between=1, repeats=3, together=12)
Measure = Callable[..., Awaitable[ModelResult]]


@functools.cache
def known() -> Truths:
    return truths(pictures())


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    return folders_in(tmp_path)


@pytest.fixture
def measure(monkeypatch: pytest.MonkeyPatch, folders: Folders) -> Measure:
    """Runs the measure on the engine with this fault."""
    monkeypatch.syspath_prepend(str(PLUGIN))

    def measured(fault: str, counts: StabilityCounts = COUNTS) -> Awaitable[ModelResult]:
        catalog = faulty(fault, known(), folders.state / "memory")
        suite = NOTHING.with_counts("stability", counts)
        return run(catalog.get("faulty"), suite, catalog, folders)

    return measured


def stability(result: ModelResult) -> Stability:
    found = result.found["stability"]
    assert isinstance(found, Stability), found
    return found


async def replay(folder: Path, catalog: FaultyCatalog, folders: Folders) -> str:
    """What a fresh process answers to the last of the folder's requests."""
    trouble = Trouble.model_validate_json((folder / "trouble.json").read_text())
    bodies = [
        json.loads((folder / f"request-{number}.json").read_text())
        for number in range(1, len(trouble.steps) + 1)
    ]
    card = catalog.get("faulty")
    server = make_server(
        card,
        card.variant(),
        engines()["faulty"],
        catalog,
        EngineSettings(),
        run_folder=folders.run,
        log_folder=folders.logs,
    )
    await server.start()
    try:
        if trouble.together:
            return (await asyncio.gather(*map(server.client.exchange, bodies)))[-1].text
        for step, body in zip(trouble.steps, bodies, strict=True):
            if step.how == "left":
                async with aclosing(server.client.stream(body)) as chunks:
                    await anext(chunks)
                await asyncio.sleep(DISCONNECT_S)
            else:
                said = await server.client.exchange(body)
        return said.error or said.text
    finally:
        await server.stop()


async def test_a_sound_engine_has_no_trouble(measure: Measure, folders: Folders) -> None:
    result = await measure("none")
    found = stability(result)
    assert found.troubles == found.issues == ()
    assert isinstance(found.mix_ups, Rate)
    assert (found.mix_ups.events, found.mix_ups.asked) == (0, 71)
    assert found.mix_ups.at_most == pytest.approx(0.0413, abs=1e-4)
    assert found.references.same == found.references.asked == 12
    assert isinstance(found.repeats, Repeats)
    assert (found.repeats.kind, found.repeats.answers) == ("bit-stable", 20)
    assert found.recovery is None
    assert isinstance(found.together, dict)
    assert {clients: rate.events for clients, rate in found.together.items()} == {2: 0, 4: 0}
    assert [rate.asked for rate in found.after.values()] == [3] * 4
    with Store(folders.state / "results.sqlite") as store:
        left = [one for one in store.samples(result.run, "faulty") if one.scenario == "stability/leave"]
    assert [one.exchange.error.partition(":")[0] for one in left] == ["client_left"] * 3
    assert all(one.exchange.text for one in left), "the first words were read"


@pytest.mark.parametrize(
    ("fault", "code", "after"),
    [
        ("previous-image", Code.PREV_IMAGE, ""),
        ("first-image", Code.FROZEN_IMAGE, ""),
        ("corrupt-after-abort", Code.PREV_IMAGE, "a client that left in the middle of an answer"),
    ],
)
async def test_a_mix_up_is_named_and_can_be_reproduced(
    measure: Measure, folders: Folders, fault: str, code: Code, after: str
) -> None:
    result = await measure(fault, FEWER)
    found = stability(result)
    trouble = next(trouble for trouble in found.troubles if trouble.code is code)
    assert trouble.after == after
    assert not codes(found) - {code, Code.CANARY_DRIFT}
    assert result.issues == found.issues
    # The steps that it names, sent to a fresh process, are answered wrong again.
    catalog = faulty(fault, known(), folders.state / "again")
    assert await replay(folders.state / trouble.reproducer, catalog, folders) == trouble.said


async def test_answers_of_requests_that_are_under_way_together(measure: Measure, folders: Folders) -> None:
    alone = dataclasses.replace(FEWER, walk=4, between=0)
    found = stability(await measure("answers-another", alone))
    (trouble,) = [trouble for trouble in found.troubles if trouble.reproducer]
    assert (trouble.code, trouble.together) == (Code.CROSS_REQUEST, True)
    assert trouble.after in ("2 requests at once", "4 requests at once")
    catalog = faulty("answers-another", known(), folders.state / "again")
    for _ in range(12):  # mostly the first time; on a busy machine requests that begin together may not meet
        if await replay(folders.state / trouble.reproducer, catalog, folders) != trouble.expected:
            return
    pytest.fail("two requests did not meet in any of twelve times")


async def test_the_second_call_of_each_process_fails(measure: Measure) -> None:
    found = stability(await measure("second-call-fails", FEWER))
    assert codes(found) == {Code.SECOND_CALL_ERROR, Code.REFUSED}
    assert found.recovery == "needs reload"
    assert isinstance(found.mix_ups, Missing)
    assert isinstance(found.repeats, Missing)


async def test_an_engine_that_dies_is_a_finding(measure: Measure) -> None:
    result = await measure("dies-after-two", FEWER)
    found = stability(result)
    assert codes(found) == {Code.DIED}
    assert found.recovery == "needs reload"
    assert sum("The engine died" in issue for issue in result.issues) == 4


async def test_glimpse_is_stable(folders: Folders) -> None:
    few = dataclasses.replace(FEWER, walk=16, together=8)
    suite = NOTHING.with_counts("stability", few).with_counts("soak", SoakCounts(requests=20, budget_s=60.0))
    result = await run_glimpse(suite, folders)
    found = stability(result)
    assert found.troubles == ()
    assert isinstance(found.repeats, Repeats)
    assert found.repeats.kind == "bit-stable"
    assert isinstance(found.mix_ups, Rate)
    assert found.mix_ups.events == 0
    assert found.mix_ups.asked > 12, "its answers tell pictures apart"
    soak = result.found["soak"]
    assert isinstance(soak, Soak)
    assert soak.troubles == ()
    assert soak.requests == 4 + 20 + 40
