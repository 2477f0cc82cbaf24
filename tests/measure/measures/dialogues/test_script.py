"""The dialogues: balanced, gradable, the same for all models."""

from collections import Counter
from itertools import islice

import pytest

from viewfinder.measure.measures.dialogues.script import (
    ABOUT_FIRST,
    AFTER_SECOND,
    DISTANCES,
    FACT_KINDS,
    FALSE,
    RETOLD,
    SECOND,
    TALK,
    TRUE,
    TURN_OF,
    TURNS,
    Dialogue,
    at,
    dialogue_of,
    dialogues,
)
from viewfinder.scenes.questions import Question, is_right
from viewfinder.scenes.scene import SHAPES

DIALOGUES = list(islice(dialogues(two_images=True), 200))
PLAIN, INTERRUPTED = DIALOGUES[::2], DIALOGUES[1::2]


def line_of(dialogue: Dialogue, role: str) -> Question:
    (line,) = [line for line in dialogue.lines if line.role.startswith(role)]
    return line.question


def roles(dialogue: Dialogue) -> list[str]:
    return [line.role for line in dialogue.lines]


def test_every_dialogue_has_ten_turns_and_every_second_one_two_images() -> None:
    begun = [TALK, "d1", "d2", FALSE, "d4", TALK, "d6"]
    for dialogue in PLAIN:
        assert roles(dialogue) == [*begun, TALK, "d8", TRUE]
        assert [line.shows for line in dialogue.lines] == [True] + [False] * 9
    for dialogue in INTERRUPTED:
        assert roles(dialogue)[:8] == [*begun, TALK]
        assert roles(dialogue)[8].startswith(ABOUT_FIRST)
        assert roles(dialogue)[9] == SECOND
        assert [number for number, line in enumerate(dialogue.lines, 1) if line.shows] == [1, 8]
    for dialogue in DIALOGUES:
        assert len(dialogue.lines) == TURNS
        asked_at = {line.role: number for number, line in enumerate(dialogue.lines, 1)}
        assert {role: asked_at[role] for role in TURN_OF if role in asked_at}.items() <= TURN_OF.items()
    assert roles(INTERRUPTED[0])[AFTER_SECOND - 1].startswith(ABOUT_FIRST)


def test_a_variant_of_one_image_is_shown_one() -> None:
    for dialogue in islice(dialogues(two_images=False), 20):
        assert sum(line.shows for line in dialogue.lines) == 1
        assert SECOND not in roles(dialogue)


def test_all_are_asked_the_same() -> None:
    again = list(islice(dialogues(two_images=True), 20))
    assert again == DIALOGUES[:20]
    assert len({dialogue.lines[0].scene.seed for dialogue in DIALOGUES}) == len(DIALOGUES)


@pytest.mark.parametrize("distance", DISTANCES)
def test_no_distance_has_the_easier_facts(distance: int) -> None:
    """Of 5 x 2 dialogues each form has every kind as often at one distance as at another."""
    for form in (PLAIN, INTERRUPTED):
        kinds = Counter(
            line.question.kind for dialogue in form for line in dialogue.lines if line.role == at(distance)
        )
        if kinds:
            assert {kind: 5 * n / kinds.total() for kind, n in kinds.items()} == dict(Counter(FACT_KINDS))


def test_no_fact_is_asked_for_twice_and_every_answer_is_gradable() -> None:
    for dialogue in DIALOGUES:
        facts = [fact.text for line, fact in dialogue.facts if line.role in TURN_OF]
        assert len(facts) == len(set(facts)) == sum(role in TURN_OF for role in roles(dialogue))
        for line in dialogue.lines:
            if line.role != TALK:
                assert is_right(line.question, line.question.answer)


def test_premises_are_what_they_are_called() -> None:
    for dialogue in DIALOGUES:
        assert line_of(dialogue, FALSE).answer.startswith("No, it is ")
    for dialogue in PLAIN:
        assert line_of(dialogue, TRUE).answer == "Yes."


def test_the_second_image_has_another_answer_to_the_same_question() -> None:
    for dialogue in INTERRUPTED:
        again = next(line for line in dialogue.lines if line.role.startswith(ABOUT_FIRST))
        second = dialogue.lines[-1]
        before = next(line for line in dialogue.lines if line.role == again.role.removeprefix(ABOUT_FIRST))
        assert again.fact == before.question
        assert again.question.answer == before.question.answer
        assert again.question.kind == RETOLD
        assert second.fact is not None
        assert second.fact.text == before.question.text
        assert second.fact.answer != before.question.answer
        assert not is_right(again.question, second.fact.answer)
        assert "first image" in again.question.text
        assert "second image" in second.question.text
        assert second.scene != again.scene
        assert dialogue_of(second.scene.seed) == again.scene.seed == dialogue_of(again.scene.seed)


def test_a_false_premise_is_never_about_the_fact_that_is_asked_again() -> None:
    """A model that gives in to it would seem to have lost the fact to the second image."""
    for dialogue in INTERRUPTED:
        shape = next(shape for shape in SHAPES if shape in line_of(dialogue, ABOUT_FIRST).text)
        assert shape not in line_of(dialogue, FALSE).text


def test_without_its_image_a_dialogue_goes_as_far_as_the_last_fact_of_the_first() -> None:
    assert [line.role for line in PLAIN[0].about_first][-1] == "d8"
    assert [line.role for line in INTERRUPTED[0].about_first][-1] == "d6"
    assert not any(line.shows for line in INTERRUPTED[0].about_first[1:])
