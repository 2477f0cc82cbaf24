"""The canary sees what goes wrong with an engine's eyes, and is chosen for the model that sings it."""

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from viewfinder.client.exchange import Exchange
from viewfinder.core.engine_settings import EngineSettings
from viewfinder.core.notebook import Notebook
from viewfinder.fleet.health.canary import (
    MOST_SCENES,
    Canary,
    CanaryResult,
    CanaryStore,
    KnownImage,
    canary_key,
    candidates,
    is_repeated,
)
from viewfinder.fleet.health.canary_checks import decisive_options
from viewfinder.scenes.questions import is_right

KEY = canary_key("a" * 64, "llama.cpp", "1.0", "f16")


class Model:
    """Answers each known image by a function of what is shown and of how often it was asked."""

    def __init__(self, answer: Callable[[KnownImage, int], str] | None = None) -> None:
        self.answer = answer or (lambda one, _: f"It is {one.question.answer.lower()}")
        self.bodies: list[dict[str, Any]] = []

    async def ask(self, body: dict[str, Any]) -> Exchange:
        (message,) = body["messages"]
        (shown,) = [one for one in candidates() if one.message == message]
        self.bodies.append(body)
        said = self.answer(shown, len(self.bodies))
        if said.startswith("!"):
            return Exchange(started_s=0.0, finished_s=1.0, error=said[1:])
        return Exchange(started_s=0.0, finished_s=1.0, text=said)

    def shown(self) -> list[str]:
        return [one.name for body in self.bodies for one in candidates() if [one.message] == body["messages"]]


@pytest.fixture
def store(tmp_path: Path) -> CanaryStore:
    return CanaryStore(tmp_path / "canaries.json")


def canary_of(store: CanaryStore) -> Canary:
    return Canary(store, KEY, model="parrot")


@pytest.fixture
async def canary(store: CanaryStore) -> Canary:
    """One that was chosen on a model that sees."""
    canary = canary_of(store)
    await canary.choose(Model().ask)
    return canary


def test_there_are_eight_candidates_and_no_answer_is_right_for_two() -> None:
    known = candidates()
    assert len(known) >= 8
    for one in known:
        right = [other.name for other in known if is_right(other.question, one.question.answer)]
        assert right == [one.name]


async def test_the_set_is_what_was_answered_right_and_the_same_in_two_orders(store: CanaryStore) -> None:
    first, second, third = (candidates()[number].name for number in (0, 1, 2))

    def answer(one: KnownImage, asked: int) -> str:
        if one.name == first:
            return "A circle."
        if one.name == second:
            return f"{one.question.answer} {asked}"  # right, and never the same
        return one.question.answer

    canary, model = canary_of(store), Model(answer)
    await canary.choose(model.ask)
    assert len(canary.scenes) == MOST_SCENES - 1
    assert third in canary.scenes
    assert not {first, second} & set(canary.scenes)
    shown = model.shown()
    right = [name for name in shown[: len(shown) - MOST_SCENES] if name != first]
    assert shown[-MOST_SCENES:] == right[::-1]
    assert {body["temperature"] for body in model.bodies} == {0}
    assert {body["model"] for body in model.bodies} == {"parrot"}


async def test_a_set_is_chosen_once_for_the_same_files_and_engine(store: CanaryStore, tmp_path: Path) -> None:
    canary = canary_of(store)
    assert not canary.is_chosen
    await canary.choose(Model().ask)
    asked_again = Model()
    for again in (canary, canary_of(CanaryStore(tmp_path / "canaries.json"))):
        await again.choose(asked_again.ask)
        assert again.is_chosen
        assert again.scenes == canary.scenes
    assert asked_again.bodies == []
    assert not Canary(store, canary_key("b" * 64, "llama.cpp", "1.0", "f16"), model="parrot").is_chosen


async def test_a_model_that_sees_nothing_is_not_asked_again_in_this_run(
    store: CanaryStore,
) -> None:
    blind = Model(lambda _, asked: "I see no image.")
    canary = canary_of(store)
    await canary.choose(blind.ask)
    assert canary.is_chosen
    assert canary.scenes == ()
    assert await canary.check(blind.ask) == CanaryResult(None)
    await canary.choose(blind.ask)
    assert len(blind.bodies) == len(candidates())
    assert not canary_of(store).is_chosen, "the engine may have been at fault, and the next run asks again"


async def test_nothing_is_concluded_from_an_engine_that_met_errors(store: CanaryStore) -> None:
    canary = canary_of(store)
    await canary.choose(Model(lambda *_: "!engine_died: It went.").ask)
    assert not canary.is_chosen
    assert await canary.check(Model().ask) == CanaryResult(None)
    await canary.choose(Model().ask)
    assert len(canary.scenes) == MOST_SCENES


async def test_a_set_of_scenes_that_are_no_more_is_chosen_anew(tmp_path: Path) -> None:
    for kept in (
        ["canary/gone"],
        {"a": 1},
        3,
        "canary/1",
        [],
        ["canary/1"],
        [1],
        [[]],
        ["canary/1", "canary/gone"],
    ):
        file = tmp_path / "canaries.json"
        Notebook(file).put(KEY, kept)
        assert not canary_of(CanaryStore(file)).is_chosen


async def test_two_examinations_never_begin_with_the_same_scene(canary: Canary) -> None:
    model = Model()
    for _ in range(10):
        assert (await canary.check(model.ask)).good
    shown = model.shown()
    firsts, seconds = shown[::2], shown[1::2]
    assert all(one != other for one, other in zip(firsts, seconds, strict=True))
    assert all(one != other for one, other in itertools.pairwise(firsts))
    assert set(firsts) == set(canary.scenes)


def stale(one: KnownImage, asked: int, said: list[str] = []) -> str:  # noqa: B006
    """What was right for the image before."""
    said.append(one.question.answer)
    return said[-2] if asked > 1 else said[-1]


FAULTS = {
    "wrong": lambda *_: "A square, I think.",
    "stale": stale,
    "empty": lambda *_: " \n",
    "repeated": lambda *_: "GGGGGGGGGGGG",
    "error": lambda *_: "!engine_refused: Out of memory.",
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_fault_is_found_and_its_evidence_kept(canary: Canary, fault: str) -> None:
    model = Model(FAULTS[fault])
    found = await canary.check(model.ask)
    assert (found.good, found.fault) == (False, fault)
    assert found.evidence[-1].keys() == {"scene", "question", "expected", "said"}
    assert found.evidence[-1]["said"] != found.evidence[-1]["expected"]
    assert len(model.bodies) == len(found.evidence) == (2 if fault == "stale" else 1)


async def test_what_was_wrong_before_and_is_said_again_is_stale(canary: Canary) -> None:
    """The image before may be a user's: its answer is right for no known scene."""
    model = Model(lambda one, asked: one.question.answer if asked == 1 else "Gray with a red hat and a cat.")
    canary._last_text = "Gray with a red hat and a cat."
    await canary.check(model.ask, n=1)
    canary._last_text = "Gray with a red hat and a cat."
    assert (await canary.check(model.ask, n=1)).fault == "stale"


async def test_one_right_answer_for_all_images_is_found(canary: Canary) -> None:
    constant = candidates()[0].question.answer
    found = await canary.check(Model(lambda *_: constant).ask)
    assert found.good is False


async def test_an_examination_of_every_slot_asks_in_each(canary: Canary) -> None:
    model = Model()
    found = await canary.check(model.ask, slots=(0, 1, 2))
    assert found.good
    assert [body["id_slot"] for body in model.bodies] == [0, 0, 1, 1, 2, 2]
    model = Model()
    await canary.check(model.ask)
    assert all("id_slot" not in body for body in model.bodies)


async def test_megabytes_of_evidence_are_not_kept(canary: Canary) -> None:
    found = await canary.check(Model(lambda *_: "ab" * 1_000_000).ask)
    assert found.fault == "repeated"
    assert found.evidence[0]["said"] == "..."


async def test_what_may_be_another_requests_answer_is_no_evidence(canary: Canary) -> None:
    """The evidence is in the event log, and an engine that mixes up requests says what is another's."""
    found = await canary.check(Model(lambda *_: "The circle of Jane Doe, patient 4711, is gray.").ask)
    assert found.evidence[0]["said"] == "the circle ... ... ... ... ... is ..."


@pytest.mark.parametrize("text", ["@@@@@@@@", "the " * 8, "Red. " * 8, "a\n" * 9])
def test_stuck_text_is_seen(text: str) -> None:
    assert is_repeated(text)


@pytest.mark.parametrize(
    "text", ["", "Red.", "It is red, a red circle, and red it stays.", "Hmm... red.", "1000000 or 1,000,000"]
)
def test_ordinary_text_is_not_stuck(text: str) -> None:
    assert not is_repeated(text)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=8).filter(lambda text: text.strip()), st.integers(8, 50))
def test_whatever_is_said_eight_times_is_stuck(text: str, times: int) -> None:
    assert is_repeated(text * times)


async def test_glimpse_has_a_canary_and_passes_it(make_server, store: CanaryStore) -> None:
    server = make_server(slots=2)
    await server.start()
    try:
        canary = Canary(store, KEY, model="glimpse")

        async def ask(body: dict[str, Any]) -> Exchange:
            return await server.client.exchange(body, timeout_s=60)

        await canary.choose(ask)
        assert len(canary.scenes) >= 2
        for slots in ((None,), (0, 1)):
            found = await canary.check(ask, slots=slots)
            assert found.good, found
    finally:
        await server.stop()


def test_a_process_with_another_image_budget_has_known_images_of_its_own() -> None:
    """One that sees less must not be quarantined for what it cannot see."""
    plain, budgeted = (decisive_options(EngineSettings(image_tokens=tokens)) for tokens in (0, 20))
    assert plain == {}
    keys = {canary_key("a" * 64, "llama.cpp", "1.0", "f16", options) for options in (plain, budgeted)}
    assert keys == {KEY, f'{KEY} {{"image_tokens": 20}}'}
