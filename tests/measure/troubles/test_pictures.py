"""The pictures have different answers, and the walk leads from each one to each other."""

from itertools import islice, pairwise

from viewfinder.measure.troubles.pictures import (
    ALL,
    AT_LENGTH,
    LONG,
    QUESTION,
    WALKED,
    about,
    are_same,
    broken,
    messages,
    pictures,
    scene_of,
    walk,
)


def test_every_walked_picture_has_an_answer_of_its_own() -> None:
    answers = [prompt.expected for prompt in pictures()]
    assert len(answers) == ALL
    assert len(set(answers[:WALKED])) == WALKED
    for prompt in pictures():
        (circle,) = [thing for thing in scene_of(prompt.scene).things if thing.shape == "circle"]
        assert prompt.expected == f"{circle.color.capitalize()}."
        assert prompt.is_right is not None
        assert prompt.is_right(f"The circle is {circle.color}.")


def test_half_of_the_walked_have_one_size() -> None:
    sizes = [scene_of(prompt.scene).size for prompt in pictures()[:WALKED]]
    assert sizes[: WALKED // 2] == [(512, 512)] * (WALKED // 2)
    assert len(set(sizes[WALKED // 2 :])) > 1


def test_a_round_has_every_ordered_pair_once() -> None:
    steps = list(pairwise(islice(walk(), 1 + 2 * WALKED * (WALKED - 1))))
    round_one, round_two = steps[: WALKED * (WALKED - 1)], steps[WALKED * (WALKED - 1) :]
    every = {(one, other) for one in range(WALKED) for other in range(WALKED) if one != other}
    assert set(round_one) == set(round_two) == every
    assert round_one != round_two


def test_the_walk_is_the_same_each_time() -> None:
    assert list(islice(walk(), 200)) == list(islice(walk(), 200))


def test_a_request_can_be_made_again_from_its_words() -> None:
    for prompt in (*pictures()[:2], about(pictures()[0], LONG), about(pictures()[1], AT_LENGTH)):
        assert messages(prompt.scene, prompt.question) == prompt.messages
    assert messages("", QUESTION, broken=True) == broken().messages
    assert messages("", "What is 1 plus 1?") == [{"role": "user", "content": "What is 1 plus 1?"}]
    assert LONG.endswith(QUESTION)


def test_answers_that_come_to_the_same() -> None:
    assert are_same("Red.", "The circle is red.")
    assert are_same("I cannot tell.", " i cannot tell")
    assert not are_same("Red.", "Blue.")
    assert not are_same("I cannot tell.", "It is not clear.")
