"""Questions about scenes as /v1/decisions puts them: one token, its log-probabilities, both orders."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import count, cycle

from viewfinder.measure.calibrating.graded import NEEDED_FIELD
from viewfinder.measure.forecast import Batch
from viewfinder.measure.measures.decisions.counts import DecisionCounts
from viewfinder.measure.pacing import WARM_UP_REQUESTS, paced, warm_up
from viewfinder.measure.prompts import SIDE_PX, Prompt
from viewfinder.measure.subject import Subject
from viewfinder.scenes.messages import image_message
from viewfinder.scenes.questions import Question, ask_about
from viewfinder.scenes.scene import COLORS, SHAPES, Scene, make_scene
from viewfinder.wire.decisions.probabilities import TOP_TOKENS
from viewfinder.wire.decisions.wording import (
    DecisionKind,
    PutQuestion,
    put_choice,
    put_levels,
    put_predicate,
)

DECISIONS_PREFIX = "decisions/"
MOST_THINGS = 4
COUNT_LEVELS = tuple(str(number) for number in range(1, MOST_THINGS + 1))
ANSWERS_OF = {"color": tuple(COLORS), "shape": SHAPES}
ASKED_KINDS = ("exists", "color", "exists", "count", "exists", "shape")
"""In turn: as many of a yes or no as of all others."""


async def all_questions_put(subject: Subject, counts: DecisionCounts, nth: int) -> None:
    """Nothing is asked of an engine that tells no log-probabilities."""
    if NEEDED_FIELD in subject.server.client.endpoint.lacks:
        return
    await warm_up(subject)
    prompts = put_questions(subject.topic("decisions"))
    for kind, in_orders in paced(prompts, counts.questions, counts.least, counts.budget_s):
        for number, prompt in enumerate(in_orders):
            await subject.ask(f"{DECISIONS_PREFIX}{kind}/{number}", prompt)


def steps(counts: DecisionCounts, nth: int) -> int:
    return WARM_UP_REQUESTS + 2 * counts.questions


def batches(counts: DecisionCounts, nth: int) -> list[Batch]:
    asked = Batch(2 * counts.questions, "image", 2 * counts.least, counts.budget_s)
    return [Batch(WARM_UP_REQUESTS, "long"), asked]


def put_questions(topic: str) -> Iterator[tuple[DecisionKind, list[Prompt]]]:
    """Endless questions, each about a scene of its own, with a prompt for each order of the answers."""
    for number, kind in zip(count(), cycle(ASKED_KINDS), strict=False):
        scene = make_scene(f"bench/{topic}/{number}", longest=(SIDE_PX, SIDE_PX))
        if question := ask_about(scene, kind, scene.random("bench")):
            asked = put_of(question)
            expected = question.answer.rstrip(".").lower()
            prompts = [_prompt(scene, text, expected) for text in asked.texts]
            yield asked.kind, prompts


def put_of(question: Question) -> PutQuestion:
    """A question about a scene as it is put to a model."""
    if question.kind == "exists":
        return put_predicate(question.text)
    if question.kind == "count":
        return put_levels(question.text, [(level, "") for level in COUNT_LEVELS])
    return put_choice(question.text, [(answer, "") for answer in ANSWERS_OF[question.kind]])


def _prompt(scene: Scene, text: str, expected: str) -> Prompt:
    def begins_right(reply: str) -> bool:
        said = reply.strip().lower()
        return bool(said) and expected.startswith(said)

    prompt = Prompt([image_message(scene, text)], text, scene.seed, expected, begins_right, max_tokens=1)
    return replace(prompt, top_tokens=TOP_TOKENS)
