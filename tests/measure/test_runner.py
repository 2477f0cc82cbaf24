"""Whole runs on an engine whose truth is planted: real processes, sockets and memory."""

import asyncio
import importlib.util
import json
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.measure.suites import small
from tests.measure.table_engine import CHILD, HELD_BYTES, TOKEN_S, Point, TableEngine
from viewfinder.catalog.card import ModelCard, Variant
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.errors import BadRequest
from viewfinder.core.paths import Folders
from viewfinder.engines import registry
from viewfinder.measure import results
from viewfinder.measure.figures import Figure, Gate, Measured, Missing
from viewfinder.measure.measures.dialogues.counts import DialogueCounts
from viewfinder.measure.measures.gates.result import Gates
from viewfinder.measure.measures.latency.result import Latency, RequestTimes
from viewfinder.measure.measures.load.result import LoadTimes
from viewfinder.measure.measures.memory.result import MemoryUse
from viewfinder.measure.plan import plan
from viewfinder.measure.progress import Progress
from viewfinder.measure.prompts import (
    about_images,
    conversations,
    graded,
    text_message,
    without_images,
)
from viewfinder.measure.results import ModelResult
from viewfinder.measure.runner import run_suite
from viewfinder.measure.store.store import Store
from viewfinder.scenes.messages import image_message

GATES = {"vision": 5, "text": 5, "follow_up": 4}
SUITE = small("tiny", processes=7, images=3, texts=3, short=2, repeats=2, **GATES)
TINY = {"processes": 4, "short": 1, "repeats": 1, **GATES}
TINIEST = small("tiny", **TINY)


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The right answers to everything that the tiny suite asks."""
    spec = importlib.util.spec_from_file_location("answers_by_table", CHILD)
    assert spec
    assert spec.loader
    child = importlib.util.module_from_spec(spec)
    sys.argv, kept = ["", '{"behavior": "good"}'], sys.argv
    try:
        spec.loader.exec_module(child)
    finally:
        sys.argv = kept
    prompts = [
        *islice(about_images("vision"), GATES["vision"]),
        *islice(about_images("load"), 1),
        *islice(without_images("text"), GATES["text"]),
        *islice(without_images("texts"), 3),
    ]
    for scene, questions in islice(conversations("follow-up", 3), GATES["follow_up"]):
        shown = image_message(scene, questions[0].text)
        prompts += [graded([shown, text_message(question.text)], question, scene) for question in questions]
    table = {child.key_of(prompt.messages): prompt.expected for prompt in prompts}
    file = tmp_path_factory.mktemp("bench") / "answers.json"
    file.write_text(json.dumps(table))
    return file


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    (tmp_path / "run").mkdir()
    (tmp_path / "logs").mkdir()
    return Folders(tmp_path / "run", tmp_path / "logs", tmp_path)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "results.sqlite") as opened:
        yield opened


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture(autouse=True)
def engine(answers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: [Point(TableEngine(answers))])


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    before = psutil.Process().children(recursive=True)
    yield
    assert [left for left in psutil.Process().children(recursive=True) if left not in before] == []


def card(behavior: str, **more: Any) -> ModelCard:
    fields: dict[str, Any] = {"vision": True, "text": True, "quantization": "Q", "source": "disk"}
    fields |= {"engine": "table", "repo": "a/b", "model": CHILD}
    variant = Variant(name=behavior, **(fields | more))
    return ModelCard(name=behavior, title="T", license="MIT", summary="S", variants=(variant,))


def figure(measured: Measured) -> Figure:
    assert isinstance(measured, Figure), measured
    return measured


def gate(measured: Gate | Missing) -> Gate:
    assert isinstance(measured, Gate), measured
    return measured


def missing(measured: Measured) -> str:
    assert isinstance(measured, Missing), measured
    return measured.missing


def gates(result: ModelResult) -> Gates:
    found = result.found["gates"]
    assert isinstance(found, Gates)
    return found


def latency(result: ModelResult) -> Latency:
    found = result.found["latency"]
    assert isinstance(found, Latency)
    return found


def load(result: ModelResult) -> LoadTimes:
    found = result.found["load"]
    assert isinstance(found, LoadTimes)
    return found


def requests(measured: RequestTimes | Missing) -> RequestTimes:
    assert isinstance(measured, RequestTimes), measured
    return measured


def enclosed(measured: Measured) -> bool:
    return figure(measured).low <= figure(measured).value <= figure(measured).high


async def test_a_good_model(store: Store, folders: Folders, settings: Settings) -> None:
    reports: list[Progress] = []
    [result] = await run_suite(
        [card("good")],
        SUITE,
        catalog=Catalog(),
        settings=settings,
        store=store,
        folders=folders,
        on_progress=reports.append,
    )
    assert (result.status, result.failure, result.issues) == ("verified", "", ())
    assert [gate(one).right for _, one in gates(result)] == [5, 5, 4]
    assert (result.engine, result.engine_version, result.model_id) == ("table", "1.2.3", "a/b")
    figures = [
        figure(getattr(load(result), stamp))
        for stamp in ("listening", "ready", "first_token", "first_correct")
    ]
    assert [one.n for one in figures] == [7] * 4
    values = [one.value for one in figures]
    assert values == sorted(values)
    assert values[3] - values[1] >= TOKEN_S, "the first right answer took at least its tokens"
    memory = result.found["memory"]
    assert isinstance(memory, MemoryUse)
    difference = figure(memory.difference)
    assert difference.value >= HELD_BYTES, "what the server took while loading"
    assert difference.high < 3 * HELD_BYTES
    assert list(memory.phases) == ["spawned", "ready", "first_answer", "steady", "peak", "unloaded"]
    assert memory.phases["unloaded"].footprint_bytes == 0, "nothing was left behind"
    assert (memory.phases["steady"].kernel_peak_bytes or 0) > HELD_BYTES
    images, texts = requests(latency(result).images), requests(latency(result).texts)
    average = figure(images.mean)
    assert (average.n, figure(images.e2e.p50).n, figure(texts.ttft.p50).n) == (21, 21, 21)
    assert result.figures["average inference"] == average
    assert average.value > 9 * TOKEN_S, "nine words are nine tokens"
    assert figure(images.output_tokens).value == 9
    assert figure(images.ttft.p50).value >= TOKEN_S
    assert figure(images.decode_rate).high <= 1 / TOKEN_S * 8 / 7
    assert all(map(enclosed, (average, images.decode_rate, images.e2e.p50, images.ttft.p50)))
    assert "took no less time" in missing(latency(result).new_image), "this engine remembers nothing"
    assert figure(latency(result).first_image).n == 7
    assert missing(texts.prefill_rate) == "the engine does not report how long it read the prompt"
    assert results.readable(store.latest()) == [result]
    assert store.runs()[0].finished_at
    scenarios = [sample.scenario for sample in store.samples(result.run, "good")]
    assert {name: scenarios.count(name) for name in dict.fromkeys(scenarios)} == {
        "text": 5,
        "vision": 5,
        "follow-up": 12,
        "load": 7,
        "warm-up": 21,
        "images": 21,
        "texts": 21,
        "short": 14,
        "repeats/new": 7,
        "repeats": 14,
    }
    done = [progress.done for progress in reports]
    assert done == sorted(done)
    assert reports[-1].done == reports[-1].total


@pytest.mark.parametrize(
    ("behavior", "status"), [("blind", "text-only"), ("refuses_images", "text-only"), ("mute", "broken")]
)
async def test_a_model_that_answers_but_does_not_work(
    behavior: str, status: str, store: Store, folders: Folders, settings: Settings
) -> None:
    [result] = await run_suite(
        [card(behavior)], TINIEST, catalog=Catalog(), settings=settings, store=store, folders=folders
    )
    assert (result.status, result.failure) == (status, "")
    assert not gate(gates(result).vision).passed
    assert isinstance(load(result).first_correct, Missing)
    timed = isinstance(result.figures["average inference"], Figure)
    assert timed == (behavior == "blind"), "a refusal or an empty answer is not a fast answer"
    if behavior == "refuses_images":
        assert "4 of 4 image requests failed; the first: engine_refused" in result.issues[0]


async def test_a_measure_that_needs_sight_is_skipped_where_the_vision_gate_failed(
    store: Store, folders: Folders, settings: Settings
) -> None:
    suite = small("tiny", **TINY | {"vision": 8}, dialogues=DialogueCounts(dialogues=1, budget_s=60.0))
    [result] = await run_suite(
        [card("blind")], suite, catalog=Catalog(), settings=settings, store=store, folders=folders
    )
    assert result.found["dialogues"] == Missing(missing="vision gate failed")
    assert not any(one.scenario.startswith("context") for one in store.samples(result.run, "blind"))


async def test_a_model_without_vision(store: Store, folders: Folders, settings: Settings) -> None:
    [result] = await run_suite(
        [card("good", vision=False)],
        TINIEST,
        catalog=Catalog(),
        settings=settings,
        store=store,
        folders=folders,
    )
    assert result.status == "text-only"
    none = Missing(missing="this variant takes no images")
    average, first_token = (
        result.figures[name] for name in ("average inference", "time to first token, image")
    )
    assert gates(result).vision == average == first_token == load(result).first_correct == none
    assert latency(result).short == latency(result).first_image == none
    assert requests(latency(result).texts).asked == 4
    assert figure(load(result).ready).is_range, "four starts are too few for an interval"
    assert "one token long" in missing(result.figures["decode speed"])
    assert {sample.scene for sample in store.samples(result.run, "good")} == {""}


async def test_one_that_fails_does_not_stop_the_others(
    store: Store, folders: Folders, settings: Settings
) -> None:
    cards = [card("dies_at_start"), card("dies_at_image"), card("blind", vision=False)]
    found = await run_suite(
        cards, TINIEST, catalog=Catalog(), settings=settings, store=store, folders=folders
    )
    assert [result.status for result in found] == ["failed"] * 2 + ["text-only"]
    reasons = [result.failure for result in found]
    assert "no such luck" in reasons[0]
    assert "exited with code 9" in reasons[1]
    assert "awful" not in reasons[1], "what an engine prints while it serves may repeat a request"
    assert "left out" not in reasons[1]
    assert gate(gates(found[1]).text).passed, "what was measured before the end is kept"
    assert isinstance(gates(found[1]).vision, Missing)
    assert {result.model: result.status for result in results.readable(store.latest())} == {
        result.model: result.status for result in found
    }


async def test_a_model_that_cannot_be_asked_is_refused_before_anything_is_stored(
    store: Store, folders: Folders, settings: Settings
) -> None:
    absent = card("good", model=Path("/nowhere/at.all")).model_copy(update={"name": "absent"})
    other_engine = card("good", engine="nonesuch").model_copy(update={"name": "other"})
    with pytest.raises(
        BadRequest, match=r"^Nothing was measured: .*/nowhere/at\.all is missing.*nonesuch"
    ) as why:
        await run_suite(
            [absent, card("good"), other_engine],
            TINIEST,
            catalog=Catalog(),
            settings=settings,
            store=store,
            folders=folders,
        )
    assert (why.value.reason, why.value.exit_code) == ("cannot_be_asked", 2)
    assert store.runs() == []
    assert list(folders.state.glob("bench-*.lock")) == []


async def test_an_engine_that_hangs_fails_in_time(store: Store, folders: Folders, settings: Settings) -> None:
    suite = small("tiny", **TINY | {"text": 1}, request_timeout_s=0.5)
    [result] = await run_suite(
        [card("hangs_at_image")], suite, catalog=Catalog(), settings=settings, store=store, folders=folders
    )
    assert result.status == "failed"
    assert "within 0.5 s" in result.failure


async def test_ctrl_c_keeps_what_was_asked(store: Store, folders: Folders, settings: Settings) -> None:
    reached = asyncio.Event()

    def report(progress: Progress) -> None:
        if progress.doing == "image questions" and progress.done > GATES["text"]:
            reached.set()

    run = asyncio.create_task(
        run_suite(
            [card("good"), card("blind")],
            SUITE,
            catalog=Catalog(),
            settings=settings,
            store=store,
            folders=folders,
            on_progress=report,
        )
    )
    await reached.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    [unfinished] = store.runs()
    assert unfinished.finished_at == ""
    kept = [one for name in ("good", "blind") for one in store.samples(unfinished.run, name)]
    assert len(kept) > GATES["text"]
    assert results.readable(store.latest()) == []


async def test_models_take_turns(store: Store, folders: Folders, settings: Settings) -> None:
    """Every round holds each model once, in the order that the run's seed gives; warm-up is stored, apart."""
    cards = [card("good").model_copy(update={"name": name}) for name in ("a", "b", "c")]
    found = await run_suite(
        cards, TINIEST, catalog=Catalog(), settings=settings, store=store, folders=folders
    )
    assert [result.model for result in found] == ["a", "b", "c"]
    (run,) = store.runs()
    samples = [one for name in "abc" for one in store.samples(run.run, name)]
    first = {(one.process, one.model): one.exchange.started_s for one in reversed(samples)}
    planned = plan(["a", "b", "c"], TINIEST.processes, run.seed, "gates")
    assert sorted(first, key=lambda key: first[key]) == [(one.number, one.model) for one in planned]
    orders = set()
    for one in planned[3:]:
        asked = [it.scenario for it in samples if (it.process, it.model) == (one.number, one.model)]
        timed = [name for name in asked if name in ("images", "texts", "short", "repeats")]
        assert sorted(timed) == ["images", "repeats", "short", "texts"]
        assert asked.index("warm-up") < asked.index(timed[0])
        orders.add(tuple(timed))
    assert len(orders) > 3, "each process has an order of its own"
    assert {figure(result.figures["average inference"]).n for result in found} == {TINIEST.processes}


async def test_a_model_file_that_is_replaced_ends_its_session_and_keeps_what_was_measured(
    store: Store, folders: Folders, settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "model.bin"
    file.write_bytes(b"weights")

    def report(progress: Progress) -> None:
        if progress.doing.startswith("process 2"):
            file.write_bytes(b"other weights")

    [result] = await run_suite(
        [card("good", model=file)],
        TINIEST,
        catalog=Catalog(),
        settings=settings,
        store=store,
        folders=folders,
        on_progress=report,
    )
    assert result.status == "failed"
    assert "changed while it was measured" in result.failure
    assert gate(gates(result).vision).asked == 5
    assert figure(load(result).ready).n == 2
    assert result.fingerprint == store.fingerprints(result.run)["good"].digest
