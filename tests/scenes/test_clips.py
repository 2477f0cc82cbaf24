"""Clips show what their answer says: found again in the drawn pixels, and in the files."""

import io
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from PIL import Image

from viewfinder.scenes.clip_files import ClipCodec, encode_clip
from viewfinder.scenes.clips import (
    CLIP_KINDS,
    CLIP_PHRASINGS,
    DIRECTIONS,
    FRAMES_PER_SLOT,
    GUESSED,
    MOST_TIMES,
    SEEN,
    SLOTS,
    DrawnClip,
    is_right_about_clip,
    make_clip,
)
from viewfinder.scenes.drawing import paint
from viewfinder.scenes.questions import Question
from viewfinder.scenes.scene import COLORS


def seen(clip: DrawnClip, color: str) -> list[tuple[float, float] | None]:
    """Where the pixels of a thing's color have their middle in each frame, as x and y; None: nowhere."""
    (rgb,) = {thing.rgb for frame in clip.frames for thing in frame.things if thing.color == color}
    found: list[tuple[float, float] | None] = []
    for frame in clip.frames:
        rows, columns = np.nonzero((np.asarray(paint(frame)) == rgb).all(axis=2))
        found.append((float(columns.mean()), float(rows.mean())) if len(rows) else None)
    return found


def colors_of(clip: DrawnClip) -> list[str]:
    colors = {thing.color for frame in clip.frames for thing in frame.things}
    assert len(colors) == SEEN, "each has a color of its own"
    return sorted(colors)


def named(clip: DrawnClip) -> str:
    (color,) = [color for color in COLORS if color in clip.question.text]
    return color


@pytest.mark.parametrize("number", range(4))
def test_what_moves_and_where_to_is_in_the_pixels(number: int) -> None:
    clip = make_clip(f"test/{number}", "mover")
    moving = [color for color in colors_of(clip) if len({frame.things for frame in clip.frames}) > 1]
    still = {thing for thing in clip.frames[0].things if all(thing in one.things for one in clip.frames)}
    moving = [color for color in moving if color not in {thing.color for thing in still}]
    assert [f"{color.capitalize()}." for color in moving] == [clip.question.answer]

    clip = make_clip(f"test/{number}", "direction")
    (x, y), *_, (to_x, to_y) = [place for place in seen(clip, named(clip)) if place]
    gone = {"left": x - to_x, "right": to_x - x, "up": y - to_y, "down": to_y - y}
    assert max(gone, key=gone.__getitem__) == clip.question.answer.rstrip(".").lower()
    assert max(gone.values()) > 40, "far enough to be seen"


@pytest.mark.parametrize("number", range(4))
def test_the_order_and_the_number_of_times_are_in_the_pixels(number: int) -> None:
    clip = make_clip(f"test/{number}", "order")
    begun = {
        color: next(at for at, place in enumerate(seen(clip, color)) if place) for color in colors_of(clip)
    }
    assert len(set(begun.values())) == SEEN
    choose = min if "first" in clip.question.text else max
    assert f"{choose(begun, key=begun.__getitem__).capitalize()}." == clip.question.answer
    assert len(clip.frames[-1].things) == SEEN, "the last frame says nothing of the order"

    clip = make_clip(f"test/{number}", "times")
    places = seen(clip, named(clip))
    assert places[0] is None
    appeared = sum(after is not None and before is None for before, after in pairwise(places))
    assert f"{appeared}." == clip.question.answer
    one_a_slot = places[FRAMES_PER_SLOT // 2 :: FRAMES_PER_SLOT]
    assert sum(after is not None and before is None for before, after in pairwise(one_a_slot)) == appeared


@pytest.mark.parametrize("kind", CLIP_KINDS)
def test_a_seed_is_a_clip_and_no_answer_is_likelier_than_guessing(kind: str) -> None:
    clips = [make_clip(f"many/{number}", kind) for number in range(200)]
    assert clips[7] == make_clip("many/7", kind)
    assert clips[7] != clips[8]
    assert {len(clip.frames) for clip in clips} == {SLOTS * FRAMES_PER_SLOT}
    assert clips[0].times_s[-1] < clips[0].duration_s == 4.0
    assert all(is_right_about_clip(clip.question, clip.question.answer) for clip in clips)
    most = max(Counter(clip.question.answer for clip in clips).values())
    assert most / len(clips) < GUESSED[kind] + 0.12
    if kind == "times":
        assert {clip.question.answer for clip in clips} == {f"{n}." for n in range(1, MOST_TIMES + 1)}
    if kind == "direction":
        assert {clip.question.answer.rstrip(".").lower() for clip in clips} == set(DIRECTIONS)
    texts = {make_clip("many/1", kind, phrasing=at).question.text for at in range(len(CLIP_PHRASINGS[kind]))}
    assert len(texts) == len(CLIP_PHRASINGS[kind])


@pytest.mark.parametrize(
    ("kind", "answer", "reply", "is_right"),
    [
        ("direction", "Right.", "It moves from left to right.", True),
        ("direction", "Right.", "It moves from the left side to the right side.", True),
        ("direction", "Left.", "It moves from left to right.", False),
        ("direction", "Up.", "Upwards", True),
        ("direction", "Down.", "from top to bottom", True),
        ("direction", "Up.", "left, right, up or down", False),
        ("direction", "Up.", "It does not move.", False),
        ("times", "2.", "It appears twice.", True),
        ("times", "1.", "Once", True),
        ("times", "3.", "Three times.", True),
        ("times", "3.", "2 or 3 times", False),
        ("times", "3.", "Yes.", False),
        ("mover", "Red.", "The red circle moves.", True),
        ("mover", "Red.", "red or blue", False),
        ("order", "White.", "There is no white shape.", False),
        ("order", "White.", "White", True),
    ],
)
def test_free_replies_are_graded(kind: str, answer: str, reply: str, is_right: bool) -> None:
    assert is_right_about_clip(Question(kind, "?", answer), reply) is is_right


@pytest.mark.parametrize("codec", ["webp", "gif"])
def test_a_file_has_every_frame_at_its_time(codec: ClipCodec) -> None:
    """Also where two frames are alike, which the writers would make one of."""
    clip = make_clip("file", "times", side_px=96)
    file = Image.open(io.BytesIO(encode_clip(clip, codec)))
    assert getattr(file, "n_frames", 1) == len(clip.frames)
    for at, frame in enumerate(clip.frames):
        file.seek(at)
        shown = np.asarray(file.convert("RGB"))[1:].astype(int)
        assert file.info["duration"] == 250
        away = np.abs(shown - np.asarray(paint(frame))[1:])
        assert away.max() == 0 if codec == "webp" else away.mean() < 1
