"""The questions, and the grading of replies without an image."""

import base64
import io
from itertools import islice

import pytest
from PIL import Image

from viewfinder.measure.prompts import (
    ASKED_OF_IMAGES,
    Prompt,
    about_images,
    body,
    conversations,
    descriptions,
    is_right_text,
    without_images,
)
from viewfinder.scenes.questions import Question


def picture(prompt: Prompt) -> tuple[str, bytes]:
    """Media type and bytes of the prompt's image."""
    head, data = prompt.messages[0]["content"][0]["image_url"]["url"].split(";base64,")
    return head.removeprefix("data:"), base64.b64decode(data)


def test_every_image_is_new_and_512_px() -> None:
    prompts = list(islice(descriptions("images"), 12)) + list(islice(about_images("vision"), 12))
    pictures = [picture(prompt) for prompt in prompts]
    assert len({data for _, data in pictures}) == 24
    assert len({prompt.scene for prompt in prompts}) == 24
    for media_type, data in pictures:
        with Image.open(io.BytesIO(data)) as image:
            assert max(image.size) == 512
            assert media_type == f"image/{str(image.format).lower()}"
    assert {media_type for media_type, _ in pictures} == {"image/png", "image/jpeg"}


def test_the_same_is_asked_every_time() -> None:
    first, second = (list(islice(about_images("vision"), 5)) for _ in range(2))
    assert [prompt.messages for prompt in first] == [prompt.messages for prompt in second]
    assert [prompt.question for prompt in islice(without_images("text"), 9)] == [
        prompt.question for prompt in islice(without_images("text"), 9)
    ]


def test_the_average_inference_is_asked_as_defined() -> None:
    prompt = next(descriptions("images"))
    request = body("m", prompt.messages)
    assert (request["max_tokens"], request["temperature"], prompt.question) == (64, 0, "Describe this image.")
    assert request["messages"][0]["content"][1] == {"type": "text", "text": "Describe this image."}
    assert prompt.is_right is None


def test_answers_are_graded() -> None:
    for prompt in islice(about_images("vision"), 20):
        assert prompt.is_right is not None
        assert prompt.is_right(prompt.expected), prompt
        assert not prompt.is_right("I am sorry, I cannot help with that.")


def test_conversations_have_different_kinds_and_each_kind_is_last() -> None:
    found = list(islice(conversations("follow-up", 3), 24))
    assert all(len({question.kind for question in questions}) == 3 for _, questions in found)
    assert {questions[-1].kind for _, questions in found} == set(ASKED_OF_IMAGES)


def test_no_text_question_comes_twice() -> None:
    questions = [prompt.question for prompt in islice(without_images("text"), 300)]
    assert len(set(questions)) == 300


CAPITAL = Question("capital", "What is the capital of France?", "Paris.")
SUM = Question("sum", "What is 3 plus 4?", "7.")


@pytest.mark.parametrize(
    ("question", "reply", "right"),
    [
        (CAPITAL, "Paris.", True),
        (CAPITAL, "The capital of France is **paris**!", True),
        (CAPITAL, "Rome.", False),
        (CAPITAL, "Paris or Rome.", False),
        (CAPITAL, "Parisian", False),
        (CAPITAL, "", False),
        (SUM, "7", True),
        (SUM, "3 + 4 = 7.", True),
        (SUM, "The answer is 17.", False),
        (SUM, "7 plus 1", False),
        (SUM, "seven", False),
        (SUM, "", False),
    ],
)
def test_grading_without_an_image(question: Question, reply: str, right: bool) -> None:
    assert is_right_text(question, reply) is right
