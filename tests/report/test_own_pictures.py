"""The user's own pictures: scores, what was answered wrong, and whether the lead is sure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from tests.measure.measures.own_images.scored import own
from tests.report.conftest import Make
from viewfinder.catalog.card import Variant
from viewfinder.client.exchange import Exchange
from viewfinder.measure.compare.evidence import Evidence
from viewfinder.measure.figures import Figure, Missing
from viewfinder.measure.measures.own_images import MEASURE
from viewfinder.measure.measures.own_images.counts import OwnImagesCounts
from viewfinder.measure.measures.own_images.result import OwnImages
from viewfinder.measure.measures.own_images.score import in_one, is_right
from viewfinder.measure.process_log import ProcessLog
from viewfinder.measure.results import ModelResult
from viewfinder.measure.store.rows import ProcessOutcome, Sample
from viewfinder.report.facts import RunModel, key
from viewfinder.report.own_pictures import OwnPictures, SaidOfPicture, own_pictures

VARIANT = Variant(name="v", engine="e", repo="r", vision=True, text=True)
FAILS = "(no answer)"
A, B, C = (f"{model} (llama.cpp-f16)" for model in "abc")


def asked(
    replies: Sequence[str], *, folder: str = "mine", each: int = 1, answers: Sequence[str] = ("red",)
) -> list[Sample]:
    """A sample for each reply, about the pictures of a folder in turn, `each` questions a picture."""
    samples = []
    for number, reply in enumerate(replies):
        picture = number // each
        error = "engine_refused: It said no." if reply == FAILS else ""
        exchange = Exchange(0.0, 1.0, text="" if error else reply, error=error)
        samples.append(
            Sample(
                "run",
                "m",
                1,
                "vqa",
                f"What is it ({number % each})?",
                exchange,
                scene=f"{picture}.png#{folder}{picture}",
                expected=in_one(answers),
                right=not error and is_right(answers, reply),
                place=number,
            )
        )
    return samples


def measured(make: Make, model: str, samples: Sequence[Sample], folder: str = "mine") -> ModelResult:
    pictures = {one.scene.partition("#")[2]: f"data:{one.scene}" for one in samples if not one.right}
    log = ProcessLog(1, samples, ProcessOutcome(pictures=dict(list(pictures.items())[:24])))
    counts = OwnImagesCounts(len(samples), 60.0, f"/pictures/{folder}", total=len(samples))
    return make.result(model, own_images=MEASURE.find([log], counts, VARIANT), run=f"run-{model}")


def compared(make: Make, folder: str = "mine", each: int = 1, **replies: Sequence[str]) -> OwnPictures:
    """All models of one folder, by the words that each replied to its questions."""
    samples = {model: asked(said, folder=folder, each=each) for model, said in replies.items()}
    return the_only(own_pictures(*known(make, samples)))


def known(
    make: Make, samples: Mapping[str, Sequence[Sample]]
) -> tuple[list[ModelResult], dict[RunModel, Evidence]]:
    results = [measured(make, model, some) for model, some in samples.items()]
    evidence = {key(one): Evidence(list(some)) for one, some in zip(results, samples.values(), strict=True)}
    return results, evidence


def the_only(groups: list[OwnPictures]) -> OwnPictures:
    assert len(groups) == 1
    return groups[0]


def right(count: int, of: int, wrong: str = "blue") -> list[str]:
    return ["red"] * count + [wrong] * (of - count)


def test_nothing_where_nothing_was_asked(make: Make) -> None:
    assert own_pictures([make.result("a"), make.result("b", own_images=Missing(missing="why"))]) == []


def test_a_single_model_has_a_score_its_wrong_pictures_and_nothing_to_compare(make: Make) -> None:
    said = compared(make, a=["red", "Blue.", FAILS, ""])
    [score] = said.scores
    assert (score.model, score.right, score.asked, score.failed, score.run) == (A, 1, 4, 2, "run-a")
    assert isinstance(score.figure, Figure)
    assert score.figure.value == 25
    assert said.duel is None
    assert said.decision == (
        f"Only {A} was asked these questions; to compare another model: viewfinder bench MODEL --vqa FOLDER "
        f"--only {A} gave no answer to 2 of 4; these count as wrong."
    )
    assert [(one.picture, one.question, one.expected, one.thumbnail) for one in said.pictures] == [
        (f"{number}.png", "What is it (0)?", ("red",), f"data:{number}.png#mine{number}")
        for number in (1, 2, 3)
    ]
    assert [one.said[0] for one in said.pictures] == [
        SaidOfPicture(A, "Blue.", "", is_right=False),
        SaidOfPicture(A, "", "engine_refused: It said no", is_right=False),
        SaidOfPicture(A, "", "the answer was empty", is_right=False),
    ]


def test_which_model_is_right_where_another_is_wrong_comes_first(make: Make) -> None:
    said = compared(make, b=["red", "blue", "blue", "red"], a=["red", "green", "red", "red"])
    assert [one.model for one in said.scores] == [A, B], "the best first"
    assert [(one.picture, one.right, one.wrong) for one in said.pictures] == [
        ("2.png", (A,), (B,)),
        ("1.png", (), (A, B)),
    ]
    assert [one.said for one in said.pictures[1].said] == ["green", "blue"]
    assert said.left_out == 0
    assert said.duel is not None
    assert (said.duel.first, said.duel.shared, said.duel.only_first, said.duel.only_second) == (A, 4, 1, 0)


def test_a_lead_that_may_be_chance_says_how_many_more_pictures_would_decide(make: Make) -> None:
    said = compared(make, a=right(16, 20), b=right(13, 20))
    assert said.duel is not None
    assert said.duel.points == pytest.approx(15)
    assert said.duel.low < 0 < said.duel.high
    assert said.decision.startswith(f"{A} leads {B} by 15 points (")
    assert "on 20 pictures, which may be chance: about " in said.decision
    assert said.decision.endswith(" more pictures would likely decide.")
    assert 5 <= said.duel.more <= 60
    less = compared(make, a=right(32, 40), b=right(30, 40)).duel
    assert less is not None
    assert less.more > 3 * said.duel.more, "a smaller lead takes more"


def test_as_many_more_as_it_says_do_decide(make: Make) -> None:
    """With the same shares, the lead is sure after that many."""
    few = compared(make, a=right(16, 20), b=right(13, 20)).duel
    assert few is not None
    scale = (20 + few.more) / 20
    all_of_them = [round(scale * number) for number in (16, 13, 20)]
    many = compared(make, a=right(all_of_them[0], all_of_them[2]), b=right(all_of_them[1], all_of_them[2]))
    assert many.duel is not None
    assert many.duel.more == 0
    assert many.decision.startswith(f"{A} is surely better than {B}: by ")


def test_a_sure_lead_and_a_tie(make: Make) -> None:
    sure = compared(make, a=right(38, 40), b=right(20, 40))
    assert sure.decision.startswith(f"{A} is surely better than {B}: by 45 points (")
    assert sure.decision.endswith("on 40 pictures.")
    tied = compared(make, a=["red"] * 3000, b=["red"] * 3000)
    assert tied.decision == f"{A} and {B} are equally good: they surely differ by less than 2 points."
    assert tied.duel is not None
    assert (tied.duel.more, tied.pictures) == (0, ())


def test_all_right_and_all_wrong(make: Make) -> None:
    good = compared(make, a=["red"] * 20, b=["Red."] * 20)
    assert good.decision.startswith(
        f"{A} and {B} each answered 20 of 20 pictures right: harder pictures would"
    )
    assert good.duel is not None
    assert (good.duel.points, good.pictures) == (0, ())
    bad = compared(make, a=["blue"] * 20, b=["green"] * 20)
    assert bad.decision == "No model answered any of the 20 questions right: nothing tells them apart."
    assert [one.right for one in bad.scores] == [0, 0]
    equal = compared(make, a=right(9, 20), b=right(9, 20))
    assert equal.decision.startswith(f"{A} and {B} each answered 9 of 20 pictures right: about ")


def test_several_questions_about_a_picture_are_questions(make: Make) -> None:
    said = compared(make, each=4, a=right(16, 20), b=right(13, 20))
    assert said.decision.endswith(" more questions would likely decide.")
    assert len(said.pictures) == 7


def test_three_models_and_one_that_failed_throughout(make: Make) -> None:
    said = compared(make, c=[FAILS] * 20, a=right(19, 20), b=right(10, 20))
    assert [(one.model, one.right, one.failed) for one in said.scores] == [(A, 19, 0), (B, 10, 0), (C, 0, 20)]
    assert said.decision.startswith(f"{A} is surely better than {B}")
    assert said.decision.endswith(f" {C} gave no answer to 20 of 20; these count as wrong.")
    assert {one.right for one in said.pictures} == {(A, B), (A,), ()}


def test_only_the_first_pictures_are_shown(make: Make) -> None:
    said = compared(make, a=["blue"] * 30, b=["blue"] * 29 + ["red"])
    assert (len(said.pictures), said.left_out) == (24, 6)
    assert said.pictures[0].picture == "29.png", "one that tells them apart is not among those left out"
    assert said.pictures[0].thumbnail == ""


def test_models_that_were_asked_about_different_folders_are_not_compared(make: Make) -> None:
    mine, other = asked(right(9, 10)), asked(right(3, 10), folder="other")
    results, evidence = known(make, {"a": mine, "b": mine, "c": other})
    results[2] = replaced(results[2], folder="other")
    first, second = own_pictures(results, evidence)
    assert [one.model for one in first.scores] == [A, B]
    assert [one.model for one in second.scores] == [C]
    assert first.apart == f"Not comparable with these scores: {C} (it was asked other questions, of 'other')."
    assert A in second.apart
    assert B in second.apart
    assert second.decision.startswith(f"Only {C} was asked these questions")


def replaced(result: ModelResult, **changed: object) -> ModelResult:
    found = result.found["own_images"]
    assert isinstance(found, OwnImages)
    return result.model_copy(
        update={"found": {**result.found, "own_images": found.model_copy(update=changed)}}
    )


def test_one_folder_under_two_names_and_two_under_one(make: Make) -> None:
    """The questions decide: a folder may be renamed, and another one may have its name."""
    same, other = asked(right(9, 10)), asked(right(3, 10), folder="other")
    results, evidence = known(make, {"a": same, "b": same, "c": other})
    results[1] = replaced(results[1], folder="renamed")
    assert [len(one.scores) for one in own_pictures(results, evidence)] == [2, 1]


def test_only_questions_that_both_were_asked_are_compared(make: Make) -> None:
    """A slow model is asked less; its score is of its own questions, the comparison is not."""
    results, evidence = known(make, {"a": asked([*["red"] * 8, *["blue"] * 12]), "b": asked(right(6, 8))})
    said = the_only(own_pictures(results, evidence))
    assert [(one.model, one.asked) for one in said.scores] == [(B, 8), (A, 20)]
    assert said.duel is not None
    assert (said.duel.first, said.duel.second, said.duel.shared) == (A, B, 8)
    assert said.duel.points == pytest.approx(25)
    assert said.decision.startswith(f"{A} leads {B} by 25 points (")
    unshared = next(one for one in said.pictures if one.picture == "15.png")
    assert [one.model for one in unshared.said] == [A], "who was not asked said nothing"


def test_results_without_samples_are_shown_and_not_compared(make: Make) -> None:
    samples = asked(right(9, 10))
    results, evidence = known(make, {"a": samples, "b": samples})
    del evidence[key(results[1])]
    first, second = own_pictures(results, evidence)
    assert first.apart == f"Not comparable with these scores: {B} (its answers about 'mine' are not stored)."
    assert [one.picture for one in second.pictures] == ["9.png"]
    assert second.pictures[0].said == (SaidOfPicture(B, "blue", "", is_right=False),)
    assert second.pictures[0].thumbnail
    old = make.result("c", own_images=own(80, right=None))
    assert [(one.right, one.asked) for one in own_pictures([old])[0].scores] == [(None, 20)]


def test_the_run_that_asked_is_named(make: Make) -> None:
    results, evidence = known(make, {"a": asked(["red"])})
    joined = results[0].model_copy(update={"own_run": "own-run"})
    assert own_pictures([joined], evidence)[0].scores[0].run == "own-run"


def test_an_answer_of_few_people_is_shown_as_not_right(make: Make) -> None:
    """VQA v2 scores it with 0.6: it is not wrong, and not what most people say."""
    people = [*["red"] * 2, *["blue"] * 8]
    some = [replace(one, question=f"{one.question}") for one in asked(["red"], answers=people)]
    results, evidence = known(make, {"a": some})
    said = the_only(own_pictures(results, evidence))
    assert said.scores[0].right == 0
    assert isinstance(said.scores[0].figure, Figure)
    assert said.scores[0].figure.value == pytest.approx(60)
    assert said.pictures[0].expected == tuple(people)
