"""Pictures with different right answers to one question, and the order in which they are shown; pure, called
by the measures `stability` and `soak`.

Each has one circle, and the question is always its color. The pictures of a walk have different colors, so
that an answer shows which picture it is about.
"""

import dataclasses
import functools
import random
from collections.abc import Iterator
from itertools import count

from viewfinder.measure.prompts import SIDE_PX, Prompt, graded, text_message
from viewfinder.scenes.messages import Message, image_message, with_images
from viewfinder.scenes.questions import Question, is_exact, is_right
from viewfinder.scenes.scene import COLORS, Scene, make_scene

ALL = 12
WALKED = len(COLORS)
QUESTION = "What color is the circle?"
AT_LENGTH = "Describe this image at length."
"""Has a long answer."""
LONG = (
    "Look at the whole of the image, from the left to the right and from the top to the bottom. " * 12
    + QUESTION
)
_BROKEN_URL = "data:image/png;base64,bm90IGEgcGljdHVyZQ=="
SEED_PREFIX, _SQUARE = "circle/", "/square"


@functools.cache
def pictures() -> tuple[Prompt, ...]:
    """Twelve questions, the same for all models and runs. The first eight are for walks; four of these have
    the same size and so the same number of tokens, so that only their content differs."""
    return tuple(map(_picture, range(ALL)))


def walk() -> Iterator[int]:
    """An endless walk through the walked pictures: in each round, once from every one to every other, in both
    directions (an Eulerian circuit through all ordered pairs); every walk is the same."""
    rng = random.Random("stability/walk")
    yield 0
    while True:
        yield from _round(rng)[1:]


def about(prompt: Prompt, question: str) -> Prompt:
    """Another question about the same picture, not graded."""
    return Prompt(messages(prompt.scene, question), question, prompt.scene)


def broken() -> Prompt:
    """The question with bytes that are not an image."""
    return Prompt(messages("", QUESTION, broken=True), QUESTION)


def messages(seed: str, question: str, *, broken: bool = False) -> list[Message]:
    """The messages about the scene of this seed (empty: about none), as they were first sent."""
    if broken:
        return [with_images([_BROKEN_URL], question)]
    return [image_message(scene_of(seed), question) if seed else text_message(question)]


def scene_of(seed: str) -> Scene:
    """The scene of this seed, made square if the seed ends so."""
    scene = make_scene(seed, things=2, longest=(SIDE_PX, SIDE_PX))
    return dataclasses.replace(scene, width=SIDE_PX, height=SIDE_PX) if seed.endswith(_SQUARE) else scene


def are_same(one: str, other: str) -> bool:
    """Whether two answers mean the same: by their words, or by the colors that they name."""
    said = Question("color", QUESTION, one)
    return is_exact(said, other) or is_right(said, other)


def _picture(number: int) -> Prompt:
    color = list(COLORS)[number % WALKED]
    same_size = _SQUARE if number < WALKED // 2 else ""
    for attempt in count():
        scene = scene_of(f"{SEED_PREFIX}{number}/{attempt}{same_size}")
        if scene.background.noise:
            continue  # a hundred times the bytes, and no question needs it
        circles = [thing.color for thing in scene.things if thing.shape == "circle"]
        if circles == [color] and sum(thing.color == color for thing in scene.things) == 1:
            question = Question("color", QUESTION, f"{color.capitalize()}.")
            return graded([image_message(scene, QUESTION)], question, scene)
    raise AssertionError("count() has no end")


def _round(rng: random.Random) -> list[int]:
    """The circuit, from 0 to 0 (Hierholzer, Math. Ann. 6 (1873) 30)."""
    places = range(WALKED)
    left = {place: rng.sample([*places[:place], *places[place + 1 :]], WALKED - 1) for place in places}
    way, circuit = [0], []
    while way:
        if onward := left[way[-1]]:
            way.append(onward.pop())
        else:
            circuit.append(way.pop())
    return circuit[::-1]
