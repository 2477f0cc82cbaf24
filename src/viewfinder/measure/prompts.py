"""The questions that a model is asked, with the grading of its answers; called by the measures.

Every question about an image is about a scene of its own, so no engine can answer it from a cache. The
scenes are drawn from fixed seeds: all models, in all runs, are asked the same. An image is drawn when its
prompt is taken from the iterator, between two timed requests.
"""

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import count, cycle, islice
from typing import Any

from viewfinder.scenes.knowledge import CAPITALS, ask_text
from viewfinder.scenes.messages import Message, image_message
from viewfinder.scenes.questions import Question, ask_about, is_right
from viewfinder.scenes.scene import Scene, make_scene

SIDE_PX = 512
_MAX_TOKENS = 64
DESCRIBE = "Describe this image."
ASKED_OF_IMAGES = ("color", "shape", "count", "exists")
"""Kinds that any model can answer: "place" and "caption" have answers in a form of glimpse's own."""
GUESSING = (1 / 8 + 1 / 4 + 1 / 4 + 1 / 2) / 4
"""Share of right answers of a model that knows the possible words and guesses."""
ASKED_IN_TEXT = ("capital", "sum")


@dataclass(frozen=True, slots=True)
class Prompt:
    """Messages whose last one is `question`; `is_right` is None when the reply is not graded."""

    messages: list[Message]
    question: str
    scene: str = ""
    """Seed of the scene that the question is about; the messages may leave its image out."""
    expected: str = ""
    is_right: Callable[[str], bool] | None = None
    max_tokens: int = _MAX_TOKENS
    top_tokens: int = 0
    """How many of the likeliest first tokens are wanted."""


def body(
    model: str, messages: list[Message], max_tokens: int = _MAX_TOKENS, top_tokens: int = 0
) -> dict[str, Any]:
    """A request as every measure sends it: greedy, with an answer of bounded length."""
    request = {"model": model, "messages": messages, "max_tokens": max_tokens, "temperature": 0}
    return request | ({"logprobs": True, "top_logprobs": top_tokens} if top_tokens else {})


def descriptions(purpose: str) -> Iterator[Prompt]:
    """Endless requests to describe an image, each a different one of 512 px; not graded."""
    for scene in _scenes(purpose):
        yield Prompt([image_message(scene, DESCRIBE)], DESCRIBE, scene.seed)


def about_images(purpose: str) -> Iterator[Prompt]:
    """Endless questions about 512 px images, their kinds in turn."""
    for scene, question in questions(purpose):
        yield graded([image_message(scene, question.text)], question, scene)


def questions(purpose: str, side_px: int = SIDE_PX) -> Iterator[tuple[Scene, Question]]:
    """Endless scenes with a question each, their kinds in turn."""
    for scene, kind in zip(_scenes(purpose, side_px), cycle(ASKED_OF_IMAGES), strict=False):
        if question := ask_about(scene, kind, scene.random("bench")):
            yield scene, question


def conversations(purpose: str, turns: int) -> Iterator[tuple[Scene, list[Question]]]:
    """Endless scenes, each with `turns` questions of different kinds; the last one's kind changes in turn."""
    for scene, last in zip(_scenes(purpose), cycle(ASKED_OF_IMAGES), strict=False):
        rng = scene.random("bench")
        others = rng.sample([kind for kind in ASKED_OF_IMAGES if kind != last], turns - 1)
        questions = [question for kind in (*others, last) if (question := ask_about(scene, kind, rng))]
        if len(questions) == turns:
            yield scene, questions


def without_images(purpose: str) -> Iterator[Prompt]:
    """Some hundreds of questions about capitals and sums in turn, no two alike."""
    rng = random.Random(f"bench/{purpose}")
    asked: set[str] = set()
    for kind in islice(cycle(ASKED_IN_TEXT), 2000):
        question = ask_text(kind, rng)
        if question.text not in asked:
            asked.add(question.text)
            grade = partial(is_right_text, question)
            yield Prompt([text_message(question.text)], question.text, "", question.answer, grade)


def graded(messages: list[Message], question: Question, scene: Scene) -> Prompt:
    """The prompt of a question about a scene, given the messages that end with it."""
    return Prompt(messages, question.text, scene.seed, question.answer, partial(is_right, question))


def text_message(text: str) -> Message:
    return {"role": "user", "content": text}


def is_right_text(question: Question, reply: str) -> bool:
    """Whether a free-form reply has the right capital (that city alone) or sum (the last number in it)."""
    right = question.answer.rstrip(".")
    if question.kind == "capital":
        words = set(re.findall(r"[a-z]+", reply.lower()))
        return {city for city in CAPITALS.values() if city.lower() in words} == {right}
    numbers = re.findall(r"\d+", reply)
    return bool(numbers) and numbers[-1] == right


def _scenes(purpose: str, side_px: int = SIDE_PX) -> Iterator[Scene]:
    return (make_scene(f"bench/{purpose}/{number}", longest=(side_px, side_px)) for number in count())
