"""Conversations that glimpse is taught from; called by the language stage and the tokenizer."""

import random
from dataclasses import dataclass

from viewfinder.scenes import knowledge, questions
from viewfinder.scenes.questions import Question
from viewfinder.scenes.scene import Scene, make_scene

SYSTEMS = (
    "You are a helpful assistant.",
    "You answer questions about images.",
    "Answer briefly.",
    "You are glimpse.",
)
_WEIGHTS = {"color": 2, "shape": 2, "count": 2, "exists": 3, "place": 6, "caption": 4}


@dataclass(frozen=True, slots=True)
class Conversation:
    """`scene` is the image of the first turn, or None; `system` may be empty."""

    scene: Scene | None
    system: str
    turns: list[Question]
    image_last: bool


def make_conversation(
    rng: random.Random, seed: str, scene: Scene | None = None, turns: int = 8
) -> Conversation:
    """A conversation about `scene`; without one, about text only."""
    system = rng.choice(SYSTEMS) if rng.random() < 0.15 else ""
    image_last = rng.random() < 0.2
    if scene is None and not seed.startswith("corpus"):
        return Conversation(None, system, [_without_image(rng) for _ in range(turns)], False)
    scene = scene or make_scene(seed)
    asked = []
    while len(asked) < turns:
        if rng.random() < 0.1:
            question: Question | None = knowledge.ask_text(rng.choice(knowledge.KINDS[:-1]), rng)
        else:
            kind = rng.choices(tuple(_WEIGHTS), weights=tuple(_WEIGHTS.values()))[0]
            question = questions.ask_about(scene, kind, rng)
        if question:
            asked.append(vary(question, rng))
    return Conversation(scene, system, asked, image_last)


def vary(question: Question, rng: random.Random) -> Question:
    """The same question as people type it: other spellings, no capitals, no question mark."""
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


def _without_image(rng: random.Random) -> Question:
    kind = rng.choice(("capital", "capital", "sum", "sum", "greeting", "identity", "no_image", "no_image"))
    if kind != "no_image":
        return vary(knowledge.ask_text(kind, rng), rng)
    imagined = make_scene(rng.getrandbits(64))
    question = None
    while question is None:
        question = questions.ask_about(imagined, rng.choice(questions.KINDS), rng)
    return vary(knowledge.without_image(question), rng)
