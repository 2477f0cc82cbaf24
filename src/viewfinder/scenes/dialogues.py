"""Questions of conversations: about one of two images, and with premises that may be false.

Called by training and by the measure of dialogues. In a conversation with two images, a question that names
neither is about the newest one.
"""

import random
import re

from viewfinder.scenes.questions import Question, with_unique
from viewfinder.scenes.scene import COLORS, Scene

ORDINALS = ("first", "second")

PREMISES = (
    "The {shape} is {color}, right?",
    "You said the {shape} is {color}, right?",
    "The {shape} is {color}, isn't it?",
    "Is it true that the {shape} is {color}?",
)
_IMAGE = re.compile(r"\b(this|the) (image|picture)\b")
_END = re.compile(r"(, (right|isn't it))?[?.]$")


def ask_premise(scene: Scene, rng: random.Random, *, holds: bool | None = None) -> Question | None:
    """ "You said the circle is red, right?", answered "Yes." or "No, it is blue."; half of them false.

    Half of the false ones claim the color of another thing. `holds` fixes whether the premise is true.
    """
    unique = with_unique("shape", scene)
    if not unique:
        return None
    thing = rng.choice(unique)
    holds = rng.random() < 0.5 if holds is None else holds
    color, answer = thing.color, "Yes."
    if not holds:
        others = [other.color for other in scene.things if other.color != thing.color]
        if not others or rng.random() < 0.5:
            others = [other for other in COLORS if other != thing.color]
        color, answer = rng.choice(others), f"No, it is {thing.color}."
    return Question("premise", rng.choice(PREMISES).format(shape=thing.shape, color=color), answer)


def of_image(question: Question, which: int, rng: random.Random) -> Question:
    """The same question, naming its image: 0 is the first of the conversation, 1 the second.

    "In the first image, what is on the left?", "What is on the left in the first image?",
    "Describe the first image.", "The circle is red in the first image, right?".
    """
    image, text = f"the {ORDINALS[which]} image", question.text
    if _IMAGE.search(text):
        named = _IMAGE.sub(image, text)
    elif question.kind == "premise" or rng.random() < 0.5:
        named = _END.sub(lambda end: f" in {image}{end.group()}", text)
    else:
        named = f"In {image}, {text[0].lower()}{text[1:]}"
    return Question(question.kind, named, question.answer)
