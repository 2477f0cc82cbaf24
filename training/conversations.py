"""Conversations for glimpse's training; called by the language stage and the tokenizer."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from training.questions import DIALOGUE_KINDS, TEXT_KINDS, ask, text_question, without_image
from viewfinder.scenes import dialogues, questions
from viewfinder.scenes.questions import Question
from viewfinder.scenes.scene import Scene, make_scene

SYSTEMS = (
    "You are a helpful assistant.",
    "You answer questions about images.",
    "Answer briefly.",
    "You are glimpse.",
)
_WEIGHTS = {"color": 2, "shape": 2, "count": 2, "exists": 3, "place": 6, "caption": 4}


_DIALOGUE_WEIGHTS = {
    "color": 5,
    "shape": 3,
    "count": 2,
    "exists": 3,
    "place": 4,
    "caption": 2,
    "premise": 4,
    "absent": 2,
}
_BETWEEN = 0.2
"""Share of a dialogue's turns that are not about an image."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """`images` maps a turn to its number of images (most have none); `system` may be empty."""

    images: dict[int, int]
    system: str
    turns: list[Question]
    image_last: bool


def make_conversation(
    rng: random.Random, seed: str, scene: Scene | None = None, turns: int = 8
) -> Conversation:
    """A conversation about `scene`; without one, only about text."""
    system = rng.choice(SYSTEMS) if rng.random() < 0.15 else ""
    image_last = rng.random() < 0.2
    if scene is None and not seed.startswith("corpus"):
        return Conversation({}, system, [_without_image(rng) for _ in range(turns)], False)
    scene = scene or make_scene(seed)
    asked = []
    while len(asked) < turns:
        if rng.random() < 0.1:
            question: Question | None = text_question(rng.choice(TEXT_KINDS[:-1]), rng)
        else:
            kind = rng.choices(tuple(_WEIGHTS), weights=tuple(_WEIGHTS.values()))[0]
            question = questions.ask_about(scene, kind, rng)
        if question:
            asked.append(vary(question, rng))
    return Conversation({0: 1}, system, asked, image_last)


def make_dialogue(rng: random.Random, scenes: Sequence[Scene], turns: int) -> Conversation:
    """A conversation about no scene, one or two: each may come in a later turn, two may come together."""
    system = rng.choice(SYSTEMS) if rng.random() < 0.15 else ""
    images = _arrivals(rng, len(scenes), turns)
    asked: list[Question] = []
    while len(asked) < turns:
        shown = scenes[: sum(count for turn, count in images.items() if turn <= len(asked))]
        if not shown:
            question: Question | None = _without_image(rng, (*questions.IMAGE_KINDS, *DIALOGUE_KINDS))
        elif len(asked) not in images and rng.random() < _BETWEEN:
            question = text_question(rng.choice(TEXT_KINDS[:-1]), rng)
        else:
            question = _about_one(rng, shown, together=images.get(0) == 2)
        if question:
            asked.append(vary(question, rng))
    return Conversation(images, system, asked, image_last=rng.random() < 0.2)


def _arrivals(rng: random.Random, scenes: int, turns: int) -> dict[int, int]:
    if scenes == 2 and rng.random() < 0.2:
        return {0: 2}
    first = rng.randrange(1, 3) if turns > 4 and rng.random() < 0.15 else 0
    if scenes == 2:
        return {first: 1, rng.randrange(first + 1, max(first + 2, turns - 2)): 1}
    return {first: 1} if scenes else {}


def _about_one(rng: random.Random, shown: Sequence[Scene], *, together: bool) -> Question | None:
    """A question that names no image is about the newest; of two that came together each is named."""
    which = rng.randrange(len(shown))
    kind = rng.choices(tuple(_DIALOGUE_WEIGHTS), weights=tuple(_DIALOGUE_WEIGHTS.values()))[0]
    question = ask(shown[which], kind, rng)
    newest = which == len(shown) - 1
    named = together or not newest or rng.random() < (0.4 if which else 0.1)
    return dialogues.of_image(question, which, rng) if question and named else question


def vary(question: Question, rng: random.Random) -> Question:
    """The same question, typed differently: other spellings, no capitals, no question mark."""
    text = question.text
    if rng.random() < 0.15:
        text = text.replace("color", "colour")
    if rng.random() < 0.2:
        text = text.replace("on the top", "at the top").replace("on the bottom", "at the bottom")
    if rng.random() < 0.1:
        text = text.lower()
    if rng.random() < 0.1:
        text = text.rstrip("?.!")
    return Question(question.kind, text, question.answer)


def _without_image(rng: random.Random, kinds: Sequence[str] = questions.IMAGE_KINDS) -> Question:
    kind = rng.choice(("capital", "capital", "sum", "sum", "greeting", "identity", "no_image", "no_image"))
    if kind != "no_image":
        return vary(text_question(kind, rng), rng)
    imagined = make_scene(rng.getrandbits(64))
    question = None
    while question is None:
        question = ask(imagined, rng.choice(kinds), rng)
    return vary(without_image(question), rng)
