"""Every question has one right answer, and grading accepts no other."""

import random

import pytest

from viewfinder.scenes.questions import (
    IMAGE_KINDS,
    Question,
    all_questions,
    ask_about,
    at,
    caption,
    is_exact,
    is_right,
)
from viewfinder.scenes.scene import make_scene

SCENES = [make_scene(f"questions/{number}") for number in range(300)]


@pytest.mark.parametrize("kind", IMAGE_KINDS)
def test_each_kind_is_asked_in_several_phrasings(kind: str) -> None:
    rng = random.Random(1)
    asked = [ask_about(scene, kind, rng) for scene in SCENES]
    assert len({question.text.split()[0:2][0] for question in asked if question}) >= 2
    assert sum(question is not None for question in asked) > 150


def test_the_taught_answer_is_right_and_exact() -> None:
    for scene in SCENES:
        for question in all_questions(scene):
            assert is_exact(question, question.answer)
            assert is_exact(question, f" {question.answer.upper()} ")
            assert is_right(question, question.answer), question


def test_color_and_shape_are_asked_only_where_unique() -> None:
    rng = random.Random(2)
    for scene in SCENES:
        question = ask_about(scene, "color", rng)
        if question:
            shape = next(
                shape for shape in ("circle", "square", "triangle", "star") if shape in question.text
            )
            (thing,) = [thing for thing in scene.things if thing.shape == shape]
            assert question.answer == f"{thing.color.capitalize()}."


def test_half_of_what_is_looked_for_is_absent() -> None:
    rng = random.Random(3)
    answers = [question.answer for scene in SCENES if (question := ask_about(scene, "exists", rng))]
    assert 0.4 < answers.count("Yes.") / len(answers) < 0.6
    assert set(answers) == {"Yes.", "No."}


def test_exists_is_answered_truthfully() -> None:
    rng = random.Random(4)
    for scene in SCENES:
        question = ask_about(scene, "exists", rng)
        assert question is not None
        there = any(f"{thing.color} {thing.shape}" in question.text for thing in scene.things)
        assert question.answer == ("Yes." if there else "No.")


def test_a_place_is_asked_only_where_one_thing_is() -> None:
    rng = random.Random(5)
    for scene in SCENES:
        question = ask_about(scene, "place", rng)
        if question:
            place = next(
                place
                for place in ("on the left", "on the right", "on the top", "on the bottom", "in the middle")
                if place in question.text
            )
            (thing,) = at(scene, place)
            assert thing.color in question.answer
            assert thing.shape in question.answer


def test_a_caption_reads_row_by_row() -> None:
    scene = make_scene("caption", things=3)
    words = caption(scene)
    places = [words.index(f"{thing.color} {thing.shape}") for thing in scene.things]
    assert places == sorted(places)
    assert words.endswith(".")
    assert " and " in words


@pytest.mark.parametrize(
    ("kind", "answer", "reply", "right"),
    [
        ("color", "Red.", "The circle is red.", True),
        ("color", "Red.", "It is red or blue.", False),
        ("color", "Red.", "", False),
        ("color", "Red.", "The hundred circles are gray", False),
        ("count", "3.", "There are three shapes.", True),
        ("count", "3.", "I see 3 shapes, maybe 4.", False),
        ("exists", "Yes.", "Yes, there is a red circle.", True),
        ("exists", "Yes.", "No, yes would be wrong.", False),
        ("exists", "No.", "There is no circle.", False),
        ("shape", "Circle.", "The red shapes are circles.", True),
        ("shape", "Circle.", "A square", False),
        ("place", "A red circle.", "On the left there is a circle that is red.", True),
        ("place", "A red circle.", "A circle.", False),
    ],
)
def test_free_replies_are_graded(kind: str, answer: str, reply: str, right: bool) -> None:
    assert is_right(Question(kind, "?", answer), reply) is right
