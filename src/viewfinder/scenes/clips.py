"""Clips: a few seconds in which a shape moves, shapes appear or one of them blinks, with a question that only
the order of the frames answers.

Called wherever a video with exactly known content is needed; `clip_files` writes them.
"""

import random
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from viewfinder.scenes.questions import Question, is_right
from viewfinder.scenes.scene import GRID, Scene, Thing, make_scene

CLIP_KINDS = ("mover", "direction", "order", "times")
"""What moves, where to, which appears first or last, and how many times one appears."""
GUESSED = {"mover": 1 / 3, "direction": 1 / 4, "order": 1 / 3, "times": 1 / 4}
"""Share of right answers of who sees what there is, and not what happens."""
SLOTS = 8
"""Equal parts of a clip, in each of which nothing appears or goes away: as many frames, spread over it, miss
nothing."""
SLOT_S = 0.5
FRAMES_PER_SLOT = 2
FRAME_S = SLOT_S / FRAMES_PER_SLOT
SEEN = 3
"""Shapes of a clip, each of another shape and color."""
MOST_TIMES = 4
LEAST_WAY, MOST_WAY = 0.35, 0.65
"""How far a shape moves, as a share of the picture's side."""
DIRECTIONS = {"left": (-1, 0), "right": (1, 0), "up": (0, -1), "down": (0, 1)}

CLIP_PHRASINGS: dict[str, tuple[str, ...]] = {
    "mover": ("What color is the shape that moves?", "Which color does the moving shape have?"),
    "direction": (
        "Where does the {thing} move: left, right, up or down?",
        "In which direction does the {thing} move: up, down, left or right?",
    ),
    "order": ("What color is the shape that appears {which}?", "Which color appears {which}?"),
    "times": ("How many times does the {thing} appear?", "How often does the {thing} appear?"),
}
_TOWARDS = {"top": "up", "bottom": "down", "above": "up", "below": "down"} | {
    f"{word}{end}": word for word in DIRECTIONS for end in ("ward", "wards")
}
_FROM_TO = re.compile(r"\b(left|right|up|down)( side)?( hand)? (in)?to (the )?(?=(left|right|up|down)\b)")
_NEGATION = re.compile(r"\b(no|not|none)\b", re.IGNORECASE)
_TIMES = {"once": "1 time", "twice": "2 times", "thrice": "3 times"}


@dataclass(frozen=True, slots=True)
class DrawnClip:
    """What is seen in each frame, one every `FRAME_S` seconds, and the question about it."""

    seed: str
    frames: tuple[Scene, ...]
    question: Question

    @property
    def times_s(self) -> tuple[float, ...]:
        """When each frame begins."""
        return tuple(number * FRAME_S for number in range(len(self.frames)))

    @property
    def duration_s(self) -> float:
        return len(self.frames) * FRAME_S


def make_clip(seed: str, kind: str, side_px: int = 256, phrasing: int | None = None) -> DrawnClip:
    """The clip of this seed and kind, the same on every machine; its longer side is `side_px`.

    `phrasing` is an index into `CLIP_PHRASINGS[kind]`; when None, it is drawn.
    """
    rng = random.Random(f"clip/{kind}/{seed}")
    scene = _distinct(f"clip/{kind}/{seed}", side_px)
    thing = rng.choice(scene.things)
    shown, words, answer = _CONTENT[kind](scene, thing, rng)
    texts = CLIP_PHRASINGS[kind]
    text = rng.choice(texts) if phrasing is None else texts[phrasing]
    frames = tuple(replace(scene, things=tuple(things)) for things in shown)
    return DrawnClip(str(seed), frames, Question(kind, text.format(**words), answer))


def is_right_about_clip(question: Question, reply: str) -> bool:
    """Whether a free-form reply has the right color, direction or number, and no other one; "there is no red
    shape" names no color."""
    if question.kind == "direction":
        return _directions(reply) == _directions(question.answer)
    kind = "count" if question.kind == "times" else "color"
    if kind == "color" and _NEGATION.search(reply):
        return False
    for word, number in _TIMES.items():
        reply = re.sub(rf"\b{word}\b", number, reply, flags=re.IGNORECASE)
    return is_right(replace(question, kind=kind), reply)


def _directions(text: str) -> set[str]:
    """The directions that are named; "from left to right" names the right."""
    words = re.sub(r"[a-z]+", lambda found: _TOWARDS.get(found[0], found[0]), text.lower())
    return {word for word in re.findall(r"[a-z]+", _FROM_TO.sub("", words)) if word in DIRECTIONS}


_Shown = list[Sequence[Thing]]
_Content = tuple[_Shown, dict[str, str], str]
"""The things of each frame, the words of the question, the answer."""


def _mover(scene: Scene, thing: Thing, rng: random.Random) -> _Content:
    shown = _moving(scene, thing, rng.choice(tuple(DIRECTIONS)), rng)
    return shown, {}, f"{thing.color.capitalize()}."


def _direction(scene: Scene, thing: Thing, rng: random.Random) -> _Content:
    direction = rng.choice(tuple(DIRECTIONS))
    return _moving(scene, thing, direction, rng), _named(thing), f"{direction.capitalize()}."


def _order(scene: Scene, thing: Thing, rng: random.Random) -> _Content:
    """One after the other, and all of them stay: the last frame shows nothing of the order."""
    which = rng.choice(("first", "last"))
    others = rng.sample([one for one in scene.things if one is not thing], SEEN - 1)
    order = [thing, *others] if which == "first" else [*others, thing]
    starts = sorted(rng.sample(range(SLOTS), SEEN))
    begun = dict(zip(order, starts, strict=True))
    shown = [[one for one in scene.things if begun[one] <= slot] for slot in range(SLOTS)]
    return _held(shown), {"which": which}, f"{thing.color.capitalize()}."


def _times(scene: Scene, thing: Thing, rng: random.Random) -> _Content:
    """It appears some times, and is seen at the end; the others stay."""
    times = rng.randint(1, MOST_TIMES)
    edges = [*sorted(rng.sample(range(1, SLOTS), 2 * times - 1)), SLOTS]
    is_seen = [sum(edge <= slot for edge in edges) % 2 == 1 for slot in range(SLOTS)]
    shown = [[one for one in scene.things if one is not thing or seen] for seen in is_seen]
    return _held(shown), _named(thing), f"{times}."


_CONTENT: dict[str, Callable[[Scene, Thing, random.Random], _Content]] = {
    "mover": _mover,
    "direction": _direction,
    "order": _order,
    "times": _times,
}


def _held(shown: Iterable[Sequence[Thing]]) -> _Shown:
    return [things for things in shown for _ in range(FRAMES_PER_SLOT)]


def _named(thing: Thing) -> dict[str, str]:
    return {"thing": f"{thing.color} {thing.shape}"}


def _moving(scene: Scene, thing: Thing, direction: str, rng: random.Random) -> _Shown:
    """The thing on its way, at the same speed all the time, over the others. Where it starts is drawn, so
    that the place where it ends says little of the direction."""
    frames = SLOTS * FRAMES_PER_SLOT
    along, across = _room(scene, thing, direction)
    way = min(rng.uniform(LEAST_WAY, MOST_WAY), along[1] - along[0])
    start = rng.uniform(along[0], along[1] - way)
    ends = (start, start + way) if sum(DIRECTIONS[direction]) > 0 else (start + way, start)
    level = rng.uniform(*across)
    others = [one for one in scene.things if one is not thing]
    shown: _Shown = []
    for number in range(frames):
        at = ends[0] + (ends[1] - ends[0]) * number / (frames - 1)
        x, y = (at, level) if DIRECTIONS[direction][0] else (level, at)
        shown.append([*others, _at(thing, x, y)])
    return shown


def _room(scene: Scene, thing: Thing, direction: str) -> tuple[tuple[float, float], tuple[float, float]]:
    """From where to where the thing's center can be, along its way and across it, as shares of a side."""
    radius_px = thing.radius * min(scene.size) / GRID
    x, y = ((radius_px / side, 1 - radius_px / side) for side in scene.size)
    return (x, y) if DIRECTIONS[direction][0] else (y, x)


def _at(thing: Thing, x: float, y: float) -> Thing:
    """The thing with its center at these shares of the width and the height."""
    return replace(thing, row=0, column=0, dx=x * GRID - 0.5, dy=y * GRID - 0.5)


def _distinct(seed: str, side_px: int) -> Scene:
    """The first scene of this seed in which no two things share a shape or a color; its background is even,
    so that a file of it is small."""
    number = 0
    while True:
        scene = make_scene(f"{seed}/{number}", things=SEEN, longest=(side_px, side_px))
        if all(len({getattr(one, trait) for one in scene.things}) == SEEN for trait in ("shape", "color")):
            ground = replace(scene.background, style="plain", end=scene.background.start, noise=0)
            return replace(scene, background=ground)
        number += 1
