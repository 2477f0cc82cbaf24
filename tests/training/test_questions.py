"""The questions of training have one right answer, too, also when they name one of two images."""

import random

import pytest

from training.questions import (
    DIALOGUE_KINDS,
    NO_IMAGE,
    TEXT_KINDS,
    ask,
    ask_absent,
    text_question,
    without_image,
)
from viewfinder.scenes.dialogues import ORDINALS, of_image
from viewfinder.scenes.questions import IMAGE_KINDS, Question, is_exact, is_right
from viewfinder.scenes.scene import COLORS, SHAPES, Scene, make_scene

SCENES = [make_scene(f"dialogues/{number}") for number in range(300)]


def test_every_answer_is_right_and_exact_and_stays_so_when_the_image_is_named() -> None:
    rng = random.Random(1)
    for scene in SCENES:
        for kind in (*IMAGE_KINDS, *DIALOGUE_KINDS):
            question = ask(scene, kind, rng)
            if question is None:
                continue
            assert question.kind == kind
            named = of_image(question, 1, rng)
            assert is_exact(named, question.answer)
            assert is_right(named, question.answer), named


def test_what_is_absent_is_in_no_scene() -> None:
    rng = random.Random(4)
    for scene in SCENES:
        asked = ask_absent(scene, rng)
        names = {word for thing in scene.things for word in (thing.color, thing.shape)}
        missing = asked.answer.removeprefix("There is no ").rstrip(".").split()[0]
        assert missing in {*COLORS, *SHAPES} - names
        assert missing in asked.text


def test_each_of_two_images_can_be_named() -> None:
    rng = random.Random(5)
    for scene in SCENES[:100]:
        for which, ordinal in enumerate(ORDINALS):
            for kind in (*IMAGE_KINDS, *DIALOGUE_KINDS):
                question = ask(scene, kind, rng)
                if question:
                    text = of_image(question, which, rng).text
                    assert text.lower().count(f"the {ordinal} image") == 1
                    assert text[0].isupper()
                    assert text[-1] == question.text[-1]


def test_a_question_that_a_scene_does_not_allow_is_none() -> None:
    twins = next(scene for scene in SCENES if _twins(scene))
    assert ask(twins, "premise", random.Random(7)) is None
    assert ask(twins, "color", random.Random(7)) is None


@pytest.mark.parametrize("kind", TEXT_KINDS[:-1])
def test_each_kind_without_an_image_has_several_phrasings(kind: str) -> None:
    rng = random.Random(1)
    asked = {text_question(kind, rng) for _ in range(60)}
    assert len({question.text for question in asked}) >= 4
    assert all(question.kind == kind and question.answer for question in asked)


def test_a_question_about_an_image_that_is_not_there() -> None:
    question = without_image(Question("color", "What color is the circle?", "Red."))
    assert question.answer == NO_IMAGE
    assert question.text == "What color is the circle?"


def _twins(scene: Scene) -> bool:
    """Whether each shape of the scene occurs more than once."""
    shapes = [thing.shape for thing in scene.things]
    return all(shapes.count(shape) > 1 for shape in shapes)
