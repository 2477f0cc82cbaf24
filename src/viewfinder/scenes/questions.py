"""Questions about a scene, each with its only right answer, and the grading of replies.

Called by training, the canary, gates and other measures.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from viewfinder.scenes.scene import COLORS, GRID, SHAPES, Scene, Thing

Trait = Literal["shape", "color"]

IMAGE_KINDS = ("color", "shape", "count", "exists", "place", "caption")
"""Kinds of question about an image; the text-only kinds are in `knowledge`."""

PHRASINGS: dict[str, tuple[str, ...]] = {
    "color": (
        "What color is the {shape}?",
        "Which color does the {shape} have?",
        "What is the color of the {shape}?",
        "Tell me the color of the {shape}.",
    ),
    "shape": (
        "Which shape is {color}?",
        "What shape is {color}?",
        "What is the {color} shape?",
        "Name the {color} shape.",
    ),
    "count": (
        "How many shapes are there?",
        "How many shapes do you see?",
        "Count the shapes.",
        "What is the number of shapes?",
    ),
    "exists": (
        "Is there {a_thing}?",
        "Do you see {a_thing}?",
        "Can you see {a_thing}?",
        "Does the image show {a_thing}?",
    ),
    "place": (
        "What is {place}?",
        "What do you see {place}?",
        "Which shape is {place}?",
        "Name what is {place}.",
    ),
    "caption": (
        "Describe this image.",
        "Describe the image.",
        "What is in this image?",
        "What does the picture show?",
    ),
}
PLACES: dict[str, Callable[[Thing], bool]] = {
    "on the left": lambda thing: thing.column == 0,
    "on the right": lambda thing: thing.column == GRID - 1,
    "on the top": lambda thing: thing.row == 0,
    "on the bottom": lambda thing: thing.row == GRID - 1,
    "in the middle": lambda thing: thing.row == thing.column == GRID // 2,
}
CELL_NAMES = (
    ("at the top left", "at the top", "at the top right"),
    ("on the left", "in the middle", "on the right"),
    ("at the bottom left", "at the bottom", "at the bottom right"),
)


@dataclass(frozen=True, slots=True)
class Question:
    """`answer` is the reply that glimpse was taught; other models are graded by `is_right`."""

    kind: str
    text: str
    answer: str


def ask_about(scene: Scene, kind: str, rng: random.Random, phrasing: int | None = None) -> Question | None:
    """A question of this kind about the scene, or None when the scene allows none.

    `phrasing` is an index into `PHRASINGS[kind]`; when None, it is drawn from `rng`.
    """
    words, answer = _CONTENT[kind](scene, rng)
    if not answer:
        return None
    text = rng.choice(PHRASINGS[kind]) if phrasing is None else PHRASINGS[kind][phrasing]
    return Question(kind, text.format(**words), answer)


def all_questions(scene: Scene) -> Iterator[Question]:
    """One question of each kind that the scene allows, in the first phrasing, drawn from its seed."""
    for kind in IMAGE_KINDS:
        question = ask_about(scene, kind, scene.random(f"question/{kind}"), phrasing=0)
        if question:
            yield question


def is_exact(question: Question, reply: str) -> bool:
    """Whether the reply is the taught answer, apart from case, spaces and the final full stop."""
    return _plain(reply) == _plain(question.answer)


def is_right(question: Question, reply: str) -> bool:
    """Whether a free-form reply of any model answers the question correctly.

    The words of the answer must be in the reply, and no other word of the same class (colors, shapes,
    numbers, yes or no): "a red or blue circle" is not an answer. This is the rule of a multiple-choice
    match; order is ignored. For a premise, only its acceptance or rejection counts.
    """
    given, expected = _facts(question.kind, reply), _facts(question.kind, question.answer)
    return bool(expected) and given == expected


def caption(scene: Scene) -> str:
    """The scene's caption in reading order: "A red circle on the left and a blue star at the top."."""
    parts = [f"{name(thing)} {CELL_NAMES[thing.row][thing.column]}" for thing in scene.things]
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"{listed[0].upper()}{listed[1:]}."


def name(thing: Thing) -> str:
    """A thing with its article: "a red circle", "an orange star"."""
    return _article(thing.color, thing.shape)


def with_unique(trait: Trait, scene: Scene) -> list[Thing]:
    """The things whose shape or color occurs once, so that "the circle" or "the red shape" is unambiguous."""
    counts = Counter(getattr(thing, trait) for thing in scene.things)
    return [thing for thing in scene.things if counts[getattr(thing, trait)] == 1]


def _article(color: str, shape: str) -> str:
    return f"{'an' if color[0] in 'aeiou' else 'a'} {color} {shape}"


Content = tuple[dict[str, str], str]


def _of_unique(given: Trait, wanted: Trait, scene: Scene, rng: random.Random) -> Content:
    """The `wanted` trait of a thing whose `given` trait says which one is meant."""
    unique = with_unique(given, scene)
    if not unique:
        return {}, ""
    thing = rng.choice(unique)
    return {given: getattr(thing, given)}, f"{getattr(thing, wanted).capitalize()}."


def _exists(scene: Scene, rng: random.Random) -> Content:
    """Half of the things asked about are absent; most of these share a color or a shape with one that is."""
    present = {(thing.color, thing.shape) for thing in scene.things}
    if rng.random() < 0.5:
        color, shape = rng.choice(sorted(present))
        return {"a_thing": _article(color, shape)}, "Yes."
    color, shape = rng.choice(sorted(present))
    while (color, shape) in present:
        change = rng.choice(("color", "shape", "both"))
        color = color if change == "shape" else rng.choice(tuple(COLORS))
        shape = shape if change == "color" else rng.choice(SHAPES)
    return {"a_thing": _article(color, shape)}, "No."


def _place(scene: Scene, rng: random.Random) -> Content:
    alone = [(place, found[0]) for place in PLACES if len(found := at(scene, place)) == 1]
    if not alone:
        return {}, ""
    place, thing = rng.choice(alone)
    answer = name(thing)
    return {"place": place}, f"{answer[0].upper()}{answer[1:]}."


def at(scene: Scene, place: str) -> list[Thing]:
    """The things at a position: left and right are the outer columns, top and bottom the outer rows."""
    return [thing for thing in scene.things if PLACES[place](thing)]


_CONTENT: dict[str, Callable[[Scene, random.Random], Content]] = {
    "color": partial(_of_unique, "shape", "color"),
    "shape": partial(_of_unique, "color", "shape"),
    "count": lambda scene, rng: ({}, f"{len(scene.things)}."),
    "exists": _exists,
    "place": _place,
    "caption": lambda scene, rng: ({}, caption(scene)),
}

_NUMBERS = {
    word: str(value) for value, word in enumerate(("zero", "one", "two", "three", "four", "five", "six"))
}
_VERDICTS = {
    **dict.fromkeys(("yes", "yeah", "yep", "right", "correct", "true", "indeed"), "yes"),
    **dict.fromkeys(("no", "nope", "not", "isn", "wrong", "incorrect", "false"), "no"),
}
"""The first of these words accepts or rejects a premise: "That's not right" rejects it."""
_SYNONYMS = {
    "grey": "gray",
    "violet": "purple",
    "round": "circle",
    "disc": "circle",
}


def _plain(text: str) -> str:
    return " ".join(text.lower().split()).rstrip(".")


def _facts(kind: str, text: str) -> set[str]:
    """The words of a reply that carry the answer to a question of this kind."""
    words = [_SYNONYMS.get(word, word) for word in re.findall(r"[a-z]+|\d+", text.lower())]
    singular = [word[:-1] if word.endswith("s") and word[:-1] in SHAPES else word for word in words]
    colors = {word for word in singular if word in COLORS}
    shapes = {word for word in singular if word in SHAPES}
    found = {
        "count": {_NUMBERS.get(word, word) for word in words if word in _NUMBERS or word.isdigit()},
        "exists": {word for word in words[:1] if word in ("yes", "no")},
        "premise": {*[_VERDICTS[word] for word in words if word in _VERDICTS][:1]},
        "color": colors,
        "shape": shapes,
    }
    return found.get(kind, colors | shapes)
