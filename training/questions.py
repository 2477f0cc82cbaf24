"""Questions that only glimpse's training and its measurement ask; called by `conversations` and `asking`."""

import random

from viewfinder.scenes import knowledge
from viewfinder.scenes.dialogues import ask_premise
from viewfinder.scenes.questions import PHRASINGS, Question, ask_about
from viewfinder.scenes.scene import COLORS, SHAPES, Scene

TEXT_KINDS = ("capital", "sum", "greeting", "identity", "no_image")
DIALOGUE_KINDS = ("premise", "absent")
"""Kinds of question in addition to `IMAGE_KINDS`."""
NO_IMAGE = "I see no image."

_GREETING = {
    "Hello!": "Hello! Ask me about an image.",
    "Hi!": "Hello! Ask me about an image.",
    "Good morning!": "Good morning! Ask me about an image.",
    "How are you?": "I am fine. Ask me about an image.",
    "Thank you!": "You are welcome.",
    "Goodbye!": "Goodbye!",
}
_IDENTITY = (
    "Who are you?",
    "What is your name?",
    "What are you?",
    "Tell me who you are.",
)
IDENTITY = "I am glimpse, a tiny vision-language model."


def text_question(kind: str, rng: random.Random) -> Question:
    """A text-only question of this kind (`no_image` needs a scene question: see `without_image`)."""
    if kind == "greeting":
        text = rng.choice(tuple(_GREETING))
        return Question(kind, text, _GREETING[text])
    if kind == "identity":
        return Question(kind, rng.choice(_IDENTITY), IDENTITY)
    return knowledge.ask_text(kind, rng)


def ask(scene: Scene, kind: str, rng: random.Random) -> Question | None:
    """A question of a kind of `IMAGE_KINDS` or `DIALOGUE_KINDS`, or None when the scene allows none."""
    if kind == "premise":
        return ask_premise(scene, rng)
    if kind == "absent":
        return ask_absent(scene, rng)
    return ask_about(scene, kind, rng)


def ask_absent(scene: Scene, rng: random.Random) -> Question:
    """The color of a shape, or the shape of a color, that is not in the scene: "There is no circle."."""
    colors = [color for color in COLORS if all(thing.color != color for thing in scene.things)]
    shapes = [shape for shape in SHAPES if all(thing.shape != shape for thing in scene.things)]
    if shapes and rng.random() < 0.5:
        shape = rng.choice(shapes)
        text, answer = rng.choice(PHRASINGS["color"]).format(shape=shape), f"There is no {shape}."
    else:
        color = rng.choice(colors)
        text, answer = rng.choice(PHRASINGS["shape"]).format(color=color), f"There is no {color} shape."
    return Question("absent", text, answer)


def without_image(question: Question) -> Question:
    """The same question about an image that was never sent."""
    return Question("no_image", question.text, NO_IMAGE)
