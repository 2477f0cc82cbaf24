"""The turns of a person in a dialogue of ten turns about an image, and in every second dialogue about another
image; pure, called by `ask`.

The dialogues come from fixed seeds, so that all models and all runs get the same ones. The first seven turns
have the same form in all: the image is sent with the first, its facts are asked at growing distances, and
between them come turns about something else. Then half of the dialogues continue that way; the others send a
second image.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from viewfinder.measure.prompts import ASKED_IN_TEXT, DESCRIBE, SIDE_PX
from viewfinder.scenes.dialogues import ask_premise, of_image
from viewfinder.scenes.knowledge import ask_text
from viewfinder.scenes.questions import Question, ask_about
from viewfinder.scenes.scene import SHAPES, Scene, make_scene

TURNS = 10
DISTANCES = (1, 2, 4, 6, 8)
"""The numbers of turns after its image at which a fact is asked."""
FACT_KINDS = ("color", "shape", "count", "exists", "color")
"""The kinds of a dialogue's facts; they rotate over the distances, so that each kind is asked at each
distance."""
RETOLD = "color"
"""The kind of the fact that is asked again after a second image: the hardest kind to guess."""

TALK, FALSE, TRUE, SECOND = "talk", "false-premise", "true-premise", "second"
ABOUT_FIRST = "first/"
"""Begins the role of a fact of the first image that is asked again after the second; its first role
follows."""
_NEXT = "/second/"
_DRAWS = 40


def at(distance: int) -> str:
    """The role of a fact that is asked `distance` turns after its image."""
    return f"d{distance}"


TURN_OF = {at(distance): distance + 1 for distance in DISTANCES}
"""The turn in which a fact of the first image is asked, before there is a second image."""
AFTER_SECOND = TURNS - 1
"""The turn in which one of them is asked again."""


@dataclass(frozen=True, slots=True)
class Line:
    """One turn of the person, about `scene`; if it `shows` the scene, the image is sent with it.

    `role` is `at(distance)` or one of the above; it says how the answer counts. `fact` is the question for a
    fact outside a dialogue.
    """

    role: str
    question: Question
    scene: Scene
    shows: bool = False
    fact: Question | None = None


@dataclass(frozen=True, slots=True)
class Dialogue:
    """All turns of the person, in their order."""

    lines: tuple[Line, ...]

    @property
    def about_first(self) -> tuple[Line, ...]:
        """The turns up to the last fact that is asked before a second image."""
        last = max(number for number, line in enumerate(self.lines) if line.role in TURN_OF)
        return self.lines[: last + 1]

    @property
    def facts(self) -> tuple[tuple[Line, Question], ...]:
        """Each fact once, of both images, with the line that asks it first."""
        lines = (line for line in self.lines if not line.role.startswith(ABOUT_FIRST))
        return tuple((line, line.fact) for line in lines if line.fact)


def dialogue_of(seed: str) -> str:
    """The name of the dialogue that a scene's seed belongs to: the seed of its first image."""
    return seed.partition(_NEXT)[0]


def dialogues(*, two_images: bool) -> Iterator[Dialogue]:
    """Endless dialogues; without `two_images` none has a second image."""
    number = 0
    for drawn in count():
        scene = make_scene(f"bench/context/{drawn}", longest=(SIDE_PX, SIDE_PX))
        shift = number // 2 % len(FACT_KINDS)  # dialogues of either form have every kind at every distance
        kinds = FACT_KINDS[shift:] + FACT_KINDS[:shift]
        if facts := _facts(scene, kinds):
            yield _dialogue(scene, facts, number, second=two_images and number % 2 == 1)
            number += 1


def _dialogue(scene: Scene, facts: Sequence[Question], number: int, *, second: bool) -> Dialogue:
    rng = scene.random("dialogue")
    probes = [
        Line(at(distance), fact, scene, fact=fact) for distance, fact in zip(DISTANCES, facts, strict=True)
    ]
    talk = [Line(TALK, ask_text(ASKED_IN_TEXT[(number + place) % 2], rng), scene) for place in range(2)]
    if second:
        retold = rng.choice([line for line in probes[:4] if line.question.kind == RETOLD])
        # A model that accepts a false premise about this fact would seem to lose it to the second image.
        premise = _premise(scene, rng, holds=False, spare=retold.question)
        end = _interrupted(retold, rng)
    else:
        end = (talk[1], probes[4], _premise(scene, rng, holds=True))
        premise = _premise(scene, rng, holds=False)
    return Dialogue((_shown(scene), *probes[:2], premise, probes[2], talk[0], probes[3], *end))


def _interrupted(retold: Line, rng: random.Random) -> tuple[Line, Line, Line]:
    """A second image, the fact of the first image that was asked before, and the same fact of the second."""
    other, fact = _another(retold.scene, retold.question)
    again = of_image(retold.question, 0, rng)
    return (
        _shown(other),
        Line(ABOUT_FIRST + retold.role, again, retold.scene, fact=retold.question),
        Line(SECOND, of_image(fact, 1, rng), other, fact=fact),
    )


def _shown(scene: Scene) -> Line:
    return Line(TALK, Question("caption", DESCRIBE, ""), scene, shows=True)


def _premise(scene: Scene, rng: random.Random, *, holds: bool, spare: Question | None = None) -> Line:
    """About another shape than the one whose color it must `spare`; a scene with facts has two or more."""
    while True:
        question = ask_premise(scene, rng, holds=holds)
        if question and not (spare and _shapes(question) & _shapes(spare)):
            return Line(TRUE if holds else FALSE, question, scene)


def _shapes(question: Question) -> set[str]:
    return {shape for shape in SHAPES if shape in question.text}


def _facts(scene: Scene, kinds: Sequence[str]) -> list[Question]:
    """A question of each kind, no two alike; none if the scene has too few."""
    rng = scene.random("facts")
    facts: dict[str, Question] = {}
    for kind in kinds:
        fresh = (question for question in _drawn(scene, kind, rng) if question.text not in facts)
        if (fact := next(fresh, None)) is None:
            return []
        facts[fact.text] = fact
    return list(facts.values())


def _another(first: Scene, fact: Question) -> tuple[Scene, Question]:
    """A scene in which the same question has another answer, and that question."""
    scenes = (make_scene(f"{first.seed}{_NEXT}{number}", longest=(SIDE_PX, SIDE_PX)) for number in count())
    return next(
        (scene, question)
        for scene in scenes
        for question in _drawn(scene, fact.kind, scene.random("facts"))
        if question.text == fact.text and question.answer != fact.answer
    )


def _drawn(scene: Scene, kind: str, rng: random.Random) -> Iterator[Question]:
    """Enough draws that each question which the scene allows is very likely among them."""
    for _ in range(_DRAWS):
        if question := ask_about(scene, kind, rng, phrasing=0):
            yield question
