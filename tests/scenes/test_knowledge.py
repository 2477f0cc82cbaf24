"""The text-only questions and their answers."""

import random

import pytest

from viewfinder.scenes import knowledge
from viewfinder.scenes.questions import Question


def test_twenty_capitals() -> None:
    assert len(knowledge.CAPITALS) == 20
    assert len(set(knowledge.CAPITALS.values())) == 20


@pytest.mark.parametrize("kind", [kind for kind in knowledge.TEXT_KINDS if kind != "no_image"])
def test_each_kind_has_several_phrasings(kind: str) -> None:
    rng = random.Random(1)
    asked = {knowledge.ask_text(kind, rng) for _ in range(60)}
    assert len({question.text for question in asked}) >= 4
    assert all(question.kind == kind and question.answer for question in asked)


def test_sums_are_right() -> None:
    rng = random.Random(2)
    for _ in range(100):
        question = knowledge.ask_text("sum", rng)
        digits = [int(word) for word in question.text.rstrip("?.").split() if word.isdigit()]
        assert question.answer == f"{sum(digits)}."


def test_a_question_about_an_image_that_is_not_there() -> None:
    question = knowledge.without_image(Question("color", "What color is the circle?", "Red."))
    assert question.answer == knowledge.NO_IMAGE
    assert question.text == "What color is the circle?"
