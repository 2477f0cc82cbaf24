"""Which own questions are decisions, how they are asked, and what is found in the answers."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from viewfinder.catalog.card import Variant
from viewfinder.client.exchange import Exchange
from viewfinder.core.config import Limits
from viewfinder.fleet.record.calibrations import calibrations_of
from viewfinder.measure.calibrating.worth import LEAST_SAMPLES, KindOfDecision
from viewfinder.measure.figures import Missing
from viewfinder.measure.measures.own_images import MEASURE
from viewfinder.measure.measures.own_images.ask import prepared
from viewfinder.measure.measures.own_images.counts import COUNTS, OwnImagesCounts
from viewfinder.measure.measures.own_images.decided import LEAST_PICTURES, OwnDecision, decisions_of
from viewfinder.measure.measures.own_images.questions import OwnQuestion
from viewfinder.measure.measures.own_images.result import OwnImages
from viewfinder.measure.measures.own_images.score import in_one
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.prompts import Prompt
from viewfinder.measure.store.rows import Sample
from viewfinder.measure.subject import Subject
from viewfinder.scenes.drawing import paint
from viewfinder.scenes.scene import make_scene

MINE = OwnImagesCounts(questions=500, budget_s=60.0, folder="/pictures/mine", total=500)
VARIANT = Variant(name="v", engine="e", repo="r", vision=True, text=True)


def asked(question: str, answers: list[str], at: int = 0) -> list[OwnQuestion]:
    """One picture for each answer."""
    return [
        OwnQuestion(f"line {n}", f"{at + n}.png", question, (answer,)) for n, answer in enumerate(answers)
    ]


def words_of(found: list[OwnDecision]) -> set[tuple[str, tuple[str, ...]]]:
    return {(one.put.kind, one.put.answers) for one in found}


def test_yes_and_no_are_predicates_whatever_the_words() -> None:
    mine = asked("Is it a cat?", ["Yes", "no."] * 20) + asked("A dog?", ["yes"] * 5, at=100)
    found = decisions_of(mine)
    assert words_of(found) == {("predicate", ("yes", "no"))}
    assert len(found) == 45
    assert [one.right for one in found[:2]] == ["yes", "no"]
    assert found[0].put.texts[1] == "Answer no or yes.\nIs it a cat?"


def test_few_answers_to_one_question_are_choices() -> None:
    """As in folders that are named by the answer."""
    found = decisions_of(asked("What is it?", ["Red star", "cat", "dog"] * 15))
    assert words_of(found) == {("choice", ("cat", "dog", "red star"))}
    assert found[0].expected == in_one(["red star", "cat", "dog", "red star"])


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        (["yes", "no", "maybe"] * 2 + ["yes"] * (LEAST_PICTURES - 7), "fewer pictures than tell the answers"),
        ([f"plate {n}" for n in range(60)], "free text"),
        (["cat", "cat and dog"] * 30, "one answer begins another"),
        (["cat"] * 60, "only one answer"),
        (["yes", "no"] * (LEAST_SAMPLES // 2 - 1), "no calibration would be made of so few"),
    ],
)
def test_other_questions_are_none(answers: list[str], why: str) -> None:
    assert decisions_of(asked("What is it?", answers)) == [], why


def test_people_who_disagree_are_left_out() -> None:
    mine = asked("Is it a cat?", ["yes", "no"] * 25)
    split = OwnQuestion("line 99", "99.png", "Is it a cat?", ("yes",) * 5 + ("no",) * 5)
    agreed = OwnQuestion("line 98", "98.png", "Is it a cat?", ("no",) * 6 + ("yes",) * 4)
    found = decisions_of([*mine, split, agreed])
    assert [one.own for one in found] == [*mine, agreed]
    assert found[-1].right == "no"


def test_of_each_picture_one_question_of_a_kind_counts() -> None:
    """Answers about one picture are not independent, and a promise needs such."""
    mine = asked("Is it a cat?", ["yes", "no"] * 25) + asked("Is it black?", ["yes", "no"] * 25)
    found = decisions_of(mine)
    assert len({one.own.image for one in found}) == len(found) == 50


async def test_they_are_asked_in_both_orders_after_all_questions(tmp_path: Path) -> None:
    lines = ["image,question,answer"]
    for number in range(LEAST_SAMPLES):
        paint(make_scene(f"decided/{number}", longest=(96, 96))).save(tmp_path / f"{number}.png")
        lines.append(f"{number}.png,Is it red?,{('yes', 'no')[number % 2]}")
    (tmp_path / "questions.csv").write_text("\n".join(lines))
    counts = await prepared(COUNTS["quick"], tmp_path, Limits())
    assert (counts.questions, counts.decisions) == (LEAST_SAMPLES, LEAST_SAMPLES)
    assert MEASURE.steps(counts, 0) == 3 * LEAST_SAMPLES
    heard: list[tuple[str, Prompt]] = []

    async def ask(scenario: str, prompt: Prompt) -> Any:
        heard.append((scenario, prompt))
        return SimpleNamespace(right=True)

    def subject(*lacks: str) -> Subject:
        client = SimpleNamespace(endpoint=SimpleNamespace(lacks=lacks))
        server = SimpleNamespace(card=SimpleNamespace(short_answer=""), client=client)
        able = SimpleNamespace(server=server, limits=Limits(), clock=lambda: 0.0, ask=ask, pictures={})
        return cast(Subject, able)

    await MEASURE.ask(subject(), counts, 0)
    assert [scenario for scenario, _ in heard[:LEAST_SAMPLES]] == ["vqa"] * LEAST_SAMPLES
    decided = heard[LEAST_SAMPLES:]
    assert len(decided) == 2 * LEAST_SAMPLES
    assert {scenario for scenario, _ in decided} == {f"own-decisions/predicate/{order}" for order in (0, 1)}
    (_, first), (_, second) = decided[:2]
    assert (first.scene, first.question, first.top_tokens) == (second.scene, "Is it red?", 20)
    texts = [prompt.messages[0]["content"][1]["text"] for prompt in (first, second)]
    assert texts == ["Answer yes or no.\nIs it red?", "Answer no or yes.\nIs it red?"]
    heard.clear()
    await MEASURE.ask(subject("logprobs"), counts, 0)
    assert {scenario for scenario, _ in heard} == {"vqa"}, "its engine tells no log-probabilities"


def decided_samples(n: int, too_sure: float) -> list[Sample]:
    """Of a model whose logits are larger than they should be, after one ordinary answer."""
    rng = np.random.default_rng(3)
    said = Exchange(0.0, 1.0, text="yes")
    samples = [Sample("run", "m", 3, "vqa", "?", said, "0.png#0", in_one(["yes"]), right=True)]
    for number, logit in enumerate(rng.normal(0, 4, n)):
        right = "yes" if rng.random() < 1 / (1 + math.exp(-logit)) else "no"
        yes = min(1 - 1e-6, max(1e-6, 1 / (1 + math.exp(-too_sure * logit))))
        exchange = Exchange(0.0, 1.0, top_tokens=(("yes", math.log(yes)), ("no", math.log(1 - yes))))
        samples += [
            Sample(
                "run",
                "m",
                3,
                f"own-decisions/predicate/{order}",
                "Is it?",
                exchange,
                f"{number}.png#0",
                in_one([right, "yes", "no"]),
            )
            for order in (0, 1)
        ]
    return samples


def test_own_questions_calibrate_and_are_told_apart(tmp_path: Path) -> None:
    """The file that the gateway reads, the guide's row and its tables."""
    result = MEASURE.find([ProcessLog(3, decided_samples(300, 3.0))], MINE, VARIANT)
    assert isinstance(result, OwnImages)
    (kind,) = result.decisions
    assert isinstance(kind, KindOfDecision)
    assert (kind.asked, kind.undecided, kind.family) == (300, 0, "Platt's")
    assert OwnImages.model_validate_json(result.model_dump_json()) == result
    header: Any = SimpleNamespace(model="m", variant="v", engine="e", engine_version="1", measured_at="now")
    ((path, content),) = MEASURE.files(result, header).items()
    (file := tmp_path / path).parent.mkdir(parents=True)
    file.write_bytes(content)
    known = calibrations_of(tmp_path, "m", "v", "1")
    assert (known.by["predicate"].questions, known.by["predicate"].samples) == ("own", 300)
    assert 0.7 < known.curves["predicate"].at(0.99) < 0.96, "it said 0.99 of what was 0.82"
    title, said = MEASURE.rows(result)[-1]
    assert (title, "say yes above" in str(said)) == ("Decisions about own pictures", True)
    assert all("about your own pictures" in table.intro for table in MEASURE.section(result))


def test_too_few_are_counted_and_calibrate_nothing() -> None:
    """The time was over, say."""
    result = MEASURE.find([ProcessLog(3, decided_samples(20, 3.0))], MINE, VARIANT)
    assert isinstance(result, OwnImages)
    few = Missing(missing=f"20 answers were decided, and it takes {LEAST_SAMPLES}")
    assert result.decisions == (few,)
    assert MEASURE.rows(result)[-1] == ("Decisions about own pictures", few)
    assert MEASURE.section(result) == []
    assert MEASURE.files(result, cast(Any, None)) == {}
