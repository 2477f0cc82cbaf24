"""Dialogues in all arms: the prompts, the end, and planted memories that are found and named right."""

import asyncio
import dataclasses
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.measure.planted import Answer, Planted, knows
from tests.measure.suites import small
from viewfinder.catalog.catalog import Catalog
from viewfinder.core.config import Settings
from viewfinder.core.paths import Folders
from viewfinder.measure.figures import Figure, Measured, Missing
from viewfinder.measure.measures.base import DEPTHS
from viewfinder.measure.measures.dialogues import MEASURE
from viewfinder.measure.measures.dialogues.ask import LEAST_DIALOGUES, LOOK_EVERY, REQUESTS
from viewfinder.measure.measures.dialogues.counts import DialogueCounts
from viewfinder.measure.measures.dialogues.result import Dialogues
from viewfinder.measure.measures.dialogues.script import TURNS, dialogue_of
from viewfinder.measure.measures.gates import ask as gates
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.progress import Progress
from viewfinder.measure.prompts import Prompt
from viewfinder.measure.results import ModelResult
from viewfinder.measure.runner import run_suite
from viewfinder.measure.store.rows import ProcessOutcome, Sample
from viewfinder.measure.store.store import Store
from viewfinder.measure.suite import suite_named

COUNTS = DialogueCounts(dialogues=20, budget_s=10_000.0)
FEW = dataclasses.replace(COUNTS, dialogues=4)
TINY = small("x", processes=0, dialogues=dataclasses.replace(COUNTS, dialogues=2))
GATES = 1 + 1 + gates.FOLLOW_UP_TURNS
"""Requests of the gates, which come before: a text, an image, a conversation."""


async def ask(subject: Planted, counts: DialogueCounts) -> None:
    assert not await MEASURE.ask(subject, counts, 0), "no numbers beside the samples"  # type: ignore[arg-type]


def find(subject: Planted, log: ProcessLog, counts: DialogueCounts) -> Dialogues:
    result = MEASURE.find([log], counts, subject.server.variant)
    assert isinstance(result, Dialogues), result
    return result


async def found(
    answer: Answer = knows, counts: DialogueCounts = COUNTS, **variant: object
) -> tuple[Dialogues, Planted]:
    subject = Planted(answer, **variant)
    await ask(subject, counts)
    return find(subject, ProcessLog(0, subject.asked), counts), subject


def value(measured: Measured) -> float:
    assert isinstance(measured, Figure), measured
    assert measured.low <= measured.value <= measured.high
    return measured.value


def images_of(prompt: Prompt) -> int:
    return sum(not isinstance(message["content"], str) for message in prompt.messages)


def test_where_it_is_a_part() -> None:
    assert MEASURE.processes(COUNTS) == 1
    assert MEASURE.processes(dataclasses.replace(COUNTS, dialogues=0)) == 0
    assert isinstance(MEASURE.skip_reason(Planted(vision=False).server.variant), Missing)
    assert MEASURE.skip_reason(Planted().server.variant) is None
    suites = [suite_named(name) for name in DEPTHS]
    assert all(suite.counts["dialogues"].dialogues >= LEAST_DIALOGUES for suite in suites)


class Keeping(Planted):
    """A running server that keeps conversations."""

    async def kept_conversation(self) -> str:  # type: ignore[override]
        return "kept"

    async def ask(self, scenario: str, prompt: Prompt, kept: str = "") -> Sample:
        assert bool(kept) == scenario.startswith("context/S/")
        return await super().ask(scenario, prompt)


async def test_a_server_that_keeps_conversations_is_sent_the_new_turns_alone() -> None:
    """Arm S: judged like R, and compared with it word for word."""

    def forgets(scenario: str, prompt: Prompt) -> str:
        return "no idea" if scenario == "context/S/d8" else knows(scenario, prompt)

    subject = Keeping(forgets)
    await ask(subject, COUNTS)
    result = find(subject, ProcessLog(0, subject.asked), COUNTS)
    arms = Counter(scenario.split("/")[1] for scenario, _ in subject.prompts)
    assert arms["S"] == arms["R"] == COUNTS.dialogues * TURNS
    assert value(result.retention) == 100
    assert 85 < value(result.server_kept) < 100
    assert value(result.same_answers) == 93.75  # of 8 roles in 20 dialogues, d8 in every second one
    assert result.failed == 0


async def test_the_arms_differ_in_the_image_alone() -> None:
    _, subject = await found(counts=FEW)
    arms = Counter(scenario.split("/")[1] for scenario, _ in subject.prompts)
    assert arms == {"R": 4 * TURNS, "T": 2 * 8 + 2 * 6, "single": 4 * 5, "blind": 2 * 5 + 2 * 4}
    assert len(subject.prompts) <= MEASURE.steps(FEW, 0) == 4 * REQUESTS
    resent = [prompt for scenario, prompt in subject.prompts if scenario.startswith("context/R/")][:TURNS]
    removed = [prompt for scenario, prompt in subject.prompts if scenario.startswith("context/T/")][:8]
    for turn, prompt in enumerate(resent, start=1):
        assert [message["role"] for message in prompt.messages] == (["user", "assistant"] * turn)[:-1]
        assert isinstance(prompt.messages[0]["content"], list), "the image comes again with every turn"
        assert images_of(prompt) == 1
    for with_image, without in zip(resent[1:], removed, strict=False):
        assert images_of(without) == 0
        assert without.messages[0]["content"] == with_image.messages[0]["content"][1]["text"]
        assert without.messages[1:] == with_image.messages[1:]
    for scenario, prompt in subject.prompts:
        if scenario.startswith(("context/single/", "context/blind/")):
            assert len(prompt.messages) == 1
            assert images_of(prompt) == scenario.startswith("context/single/")
    last = [prompt for scenario, prompt in subject.prompts if scenario == "context/R/second"]
    assert [images_of(prompt) for prompt in last] == [2, 2]


async def test_a_model_that_keeps_everything() -> None:
    result, _ = await found()
    shares = [result.retention, *result.by_distance.values(), result.eyesight, result.text_memory]
    assert [value(one) for one in shares] == [100.0] * 8
    assert value(result.second_image) == 100.0
    differences = [result.text_gap, result.interference, result.blind_corrected_gain]
    assert [value(one) for one in (*differences, result.swaps, result.false_premises_accepted)] == [0.0] * 5
    assert value(result.true_premises_accepted) == 100.0
    assert value(result.first_loss) == 11
    assert isinstance(result.first_loss, Figure)
    assert 9 < result.first_loss.low < 10, "twenty dialogues do not prove that none is ever lost"
    assert (result.dialogues, result.failed, result.failure) == (20, 0, "")
    assert result.ended == "the suite has no more"


async def test_one_that_forgets_from_the_fourth_turn_after() -> None:
    def answer(scenario: str, prompt: Prompt) -> str:
        lost = scenario.endswith(("R/d4", "R/d6", "R/d8")) or "/first/" in scenario
        return "I have forgotten." if lost else prompt.expected

    result, _ = await found(answer)
    by_distance = {distance: value(kept) for distance, kept in result.by_distance.items()}
    assert by_distance == {1: 100.0, 2: 100.0, 4: 0.0, 6: 0.0, 8: 0.0}
    assert value(result.eyesight) == 100.0
    assert value(result.first_loss) == 5
    assert value(result.text_gap) < 0


async def test_what_is_not_seen_is_not_forgotten() -> None:
    """Memory apart from eyesight: colors are wrong in the dialogue, but alone, too."""

    def answer(scenario: str, prompt: Prompt) -> str:
        return "Pink." if prompt.question.startswith("What color") else prompt.expected

    result, _ = await found(answer)
    assert value(result.retention) == 100.0
    assert 50 < value(result.eyesight) < 70
    assert value(result.first_loss) == 11
    assert isinstance(result.interference, Missing), "no color was seen, so none can be lost"


async def test_a_second_image_that_takes_the_place_of_the_first() -> None:
    _, subject = await found()
    others = {
        dialogue_of(one.scene): one.expected for one in subject.asked if one.scene != dialogue_of(one.scene)
    }

    def answer(scenario: str, prompt: Prompt) -> str:
        return others[prompt.scene] if scenario.startswith("context/R/first/") else prompt.expected

    result, _ = await found(answer)
    assert value(result.swaps) == 100.0
    assert value(result.interference) == 100.0
    assert value(result.retention) == 100.0, "before the second image all was well"
    assert value(result.second_image) == 100.0
    assert value(result.first_loss) == 10, "every second dialogue lost one in its ninth turn"


async def test_one_that_says_yes_to_everything() -> None:
    result, _ = await found(lambda scenario, prompt: "Yes." if "premise" in scenario else prompt.expected)
    assert value(result.false_premises_accepted) == 100.0
    assert value(result.true_premises_accepted) == 100.0


async def test_one_that_only_reads_what_it_said_itself() -> None:
    """Without the image it knows nothing; with it, everything."""

    def answer(scenario: str, prompt: Prompt) -> str:
        return prompt.expected if images_of(prompt) else "I see no image."

    result, _ = await found(answer)
    assert value(result.blind) == 0.0
    assert value(result.blind_corrected_gain) == value(result.text_gap) > 95
    assert value(result.text_memory) == 0.0


async def test_failed_requests_are_in_no_share_and_end_their_dialogue() -> None:
    def answer(scenario: str, prompt: Prompt) -> str:
        return "error: context is full" if scenario == "context/R/d6" else prompt.expected

    result, subject = await found(answer)
    assert value(result.retention) == 100.0
    assert isinstance(result.by_distance[6], Missing)
    assert isinstance(result.interference, Missing)
    assert (result.failed, result.failure) == (20, "error: context is full")
    assert isinstance(result.first_loss, Missing), "all were cut short before they lost one"
    assert not any(scenario == "context/R/d8" for scenario, _ in subject.prompts)


async def test_empty_answers_are_wrong_and_the_dialogue_continues() -> None:
    def answer(scenario: str, prompt: Prompt) -> str:
        return "" if scenario == "context/R/d2" else prompt.expected

    result, _ = await found(answer, FEW)
    assert value(result.by_distance[2]) == 0.0
    assert value(result.by_distance[8]) == 100.0


async def test_a_refused_first_image_leaves_the_controls() -> None:
    def answer(scenario: str, prompt: Prompt) -> str:
        return "error: no image" if images_of(prompt) else "Red."

    result, subject = await found(answer, FEW)
    assert isinstance(result.retention, Missing)
    assert not any(scenario.startswith("context/T/") for scenario, _ in subject.prompts)
    assert isinstance(result.blind, Figure)
    assert result.ended == "the suite has no more"


@pytest.mark.parametrize(
    ("variant", "missing"),
    [
        ({"images": 1}, ["interference", "swaps", "second_image"]),
        ({"text": False}, ["blind", "blind_corrected_gain", "text_memory", "text_gap"]),
    ],
)
async def test_what_a_variant_cannot_is_not_asked_and_says_so(
    variant: dict[str, Any], missing: list[str]
) -> None:
    result, subject = await found(counts=FEW, **variant)
    reasons = {name for name, one in result if isinstance(one, Missing)}
    assert reasons == {*missing, "server_kept", "same_answers"}
    assert {getattr(result, name).missing.split(" ")[:2][1] for name in missing} == {"variant"}
    assert value(result.retention) == 100.0
    counts = {images_of(prompt) for _, prompt in subject.prompts}
    assert counts == ({0, 1} if "images" in variant else {1, 2})


async def test_it_ends_when_the_headline_is_sure_enough_and_a_stored_run_ends_there_too() -> None:
    counts = dataclasses.replace(COUNTS, dialogues=154, half_width=5.0)
    result, subject = await found(counts=counts)
    assert result.dialogues == 2 * LOOK_EVERY, "all right: 22 are too few for 5 points, 44 are enough"
    assert result.ended == "the headline is known within 5 points"
    again = find(subject, ProcessLog(0, list(reversed(subject.asked))), counts)
    assert again == result


async def test_a_slow_model_holds_fewer_and_its_result_says_how_many_it_would_take() -> None:
    counts = dataclasses.replace(COUNTS, budget_s=50.0, half_width=5.0)
    result, _ = await found(counts=counts)
    assert result.dialogues == 2, "a second a request: the third would begin after 53"
    result, _ = await found(counts=dataclasses.replace(counts, budget_s=0.0))
    assert result.dialogues == LEAST_DIALOGUES
    assert value(result.retention) == 100.0
    assert isinstance(result.interference, Missing)
    assert result.ended.startswith("the time was over; to know the headline within 5 points takes up to ")


async def test_what_an_engine_answered_before_it_died_counts() -> None:
    subject = Planted()
    await ask(subject, FEW)
    died = ProcessOutcome(broke_off="the engine died.")
    result = find(subject, ProcessLog(0, subject.asked[:60], died), FEW)
    assert (result.dialogues, result.ended) == (3, "the engine died.")
    assert value(result.retention) == 100.0


async def on_glimpse(home: Path, *, until: int | None = None, resume: bool = False) -> ModelResult:
    """A run of two dialogues on real llama.cpp, cancelled `until` steps after it began them; or the rest of
    it."""
    catalog = Catalog()
    card = catalog.card("glimpse")
    card = card.narrowed([variant for variant in card.variants if variant.engine == "llama.cpp"])
    folders = Folders(home / "run", home / "logs", home)
    for folder in (folders.run, folders.logs):
        folder.mkdir(exist_ok=True)

    def tell(progress: Progress) -> None:
        if until is not None and progress.doing == "dialogues" and progress.done >= GATES + until:
            running.cancel()

    with Store(home / "results.sqlite") as store:
        running = asyncio.ensure_future(
            run_suite(
                [card],
                TINY,
                catalog=catalog,
                settings=Settings(),
                store=store,
                folders=folders,
                on_progress=tell,
                resumed=store.runs()[0] if resume else None,
            )
        )
        (result,) = await running
    return result


async def test_glimpse_keeps_an_image_and_an_interrupted_run_finds_the_same(tmp_path: Path) -> None:
    homes = tmp_path / "whole", tmp_path / "cut"
    for home in homes:
        home.mkdir()
    whole = await on_glimpse(homes[0])
    with pytest.raises(asyncio.CancelledError):
        await on_glimpse(homes[1], until=25)
    resumed = await on_glimpse(homes[1], resume=True)
    dialogues = whole.found["dialogues"]
    assert isinstance(dialogues, Dialogues)
    assert resumed.found["dialogues"] == dialogues
    assert (dialogues.dialogues, dialogues.failed) == (2, 0)
    assert value(dialogues.eyesight) > value(dialogues.blind)
    assert value(dialogues.retention) > 50
    with Store(homes[1] / "results.sqlite") as store:
        samples = [
            one for one in store.samples(resumed.run, "glimpse") if one.scenario.startswith("context/")
        ]
    assert len({(one.scenario, one.place) for one in samples}) == len(samples) == 20 + 8 + 6 + 10 + 9
