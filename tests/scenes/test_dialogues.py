"""Questions of conversations have one right answer, too, and grading accepts no other."""

import random

import pytest

from viewfinder.scenes.dialogues import ask_premise, of_image
from viewfinder.scenes.questions import Question, is_right
from viewfinder.scenes.scene import COLORS, SHAPES, make_scene

SCENES = [make_scene(f"dialogues/{number}") for number in range(300)]


def test_a_premise_is_affirmed_or_put_right() -> None:
    rng = random.Random(2)
    answers = []
    for scene in SCENES:
        premise = ask_premise(scene, rng)
        if premise is None:
            continue
        shape = next(shape for shape in SHAPES if shape in premise.text)
        claimed = next(color for color in COLORS if color in premise.text)
        (thing,) = [thing for thing in scene.things if thing.shape == shape]
        due = "Yes." if claimed == thing.color else f"No, it is {thing.color}."
        assert premise.answer == due
        answers.append(due == "Yes.")
    assert len(answers) > 200
    assert 0.4 < sum(answers) / len(answers) < 0.6


@pytest.mark.parametrize("holds", [True, False])
def test_a_premise_can_be_made_true_or_false(holds: bool) -> None:
    rng = random.Random(3)
    asked = [premise for scene in SCENES if (premise := ask_premise(scene, rng, holds=holds))]
    assert {premise.answer == "Yes." for premise in asked} == {holds}


@pytest.mark.parametrize(
    ("kind", "text", "forms"),
    [
        ("caption", "Describe this image.", {"Describe the first image."}),
        ("exists", "Does the image show a star?", {"Does the first image show a star?"}),
        (
            "place",
            "What is on the left?",
            {"In the first image, what is on the left?", "What is on the left in the first image?"},
        ),
        ("premise", "The star is red, isn't it?", {"The star is red in the first image, isn't it?"}),
        (
            "premise",
            "Is it true that the star is red?",
            {"Is it true that the star is red in the first image?"},
        ),
    ],
)
def test_a_named_image_reads_like_english(kind: str, text: str, forms: set[str]) -> None:
    rng = random.Random(6)
    assert {of_image(Question(kind, text, ""), 0, rng).text for _ in range(40)} == forms


@pytest.mark.parametrize(
    ("kind", "answer", "reply", "right"),
    [
        ("premise", "Yes.", "Yes, the circle is red.", True),
        ("premise", "Yes.", "That is correct.", True),
        ("premise", "Yes.", "No, it is blue.", False),
        ("premise", "Yes.", "The circle", False),
        ("premise", "No, it is blue.", "No.", True),
        ("premise", "No, it is blue.", "Actually, that's not right: it is blue.", True),
        ("premise", "No, it is blue.", "Yes, you are right.", False),
        ("premise", "No, it is blue.", "", False),
    ],
)
def test_free_replies_are_graded(kind: str, answer: str, reply: str, right: bool) -> None:
    assert is_right(Question(kind, "?", answer), reply) is right
