"""The boxes and points in the text of an answer, in the style that the model's card names; pure.

Called by the gateway, which turns them into pixels (`wire/placing`), and by the measure of grounding. Nothing
is guessed: what is not written in that style is text. The time is linear in the length of the text.

    style        how a place is written                                   unit
    qwen2.5-vl   {"bbox_2d": [x1, y1, x2, y2], "label": ""}, "point_2d"   pixels of the resized picture [1]
    qwen3-vl     the same                                                 0 to 1000 of the picture [2]
    qwen2-vl     <|box_start|>(x1,y1),(x2,y2)<|box_end|>                  0 to 1000 [3]
    moondream    {"x_min": .., "y_min": .., "x_max": .., "y_max": ..},    0 to 1 [4]
                 {"x": .., "y": ..}
    paligemma    <locYYYY><locXXXX><locYYYY><locXXXX> label, y first      0 to 1023, of 1024 [5]
    florence-2   label<loc_x1><loc_y1><loc_x2><loc_y2>                    0 to 999, the middles of bins [6]
    molmo        <point x="10.5" y="20.1" alt="label">, <points x1= ..>   0 to 100 [7]
    internvl     <ref>label</ref><box>[[x1, y1, x2, y2]]</box>            0 to 1000 [8]
    gemma        {"box_2d": [y1, x1, y2, x2], "label": ""}, y first       0 to 1000 [9]
    lfm2.5-vl    {"label": "", "bbox": [x1, y1, x2, y2]}                  0 to 1 [10]

[1] QwenLM/Qwen3-VL issue 676 (its publisher) and Qwen2.5-VL's cookbook spatial_understanding
[2] its publisher in ggml-org/llama.cpp issue 16842; roboflow/supervision pull request 2015
[3] the grounding section of Qwen2-VL's model card; an engine may leave the special tokens out
[4] docs.moondream.ai, /detect and /point
[5] google-research/big_vision, PaliGemma; transformers docs, model_doc/paligemma
[6] microsoft/Florence-2-base, processing_florence2.py, BoxQuantizer; the quadrilaterals of OCR are not boxes,
    and are left out because their corners are not a box's
[7] allenai/Molmo-7B-D-0924, its model card
[8] internvl.readthedocs.io, chat data format, grounding; an engine may leave the special tokens out
[9] Google's documentation of Gemini and Gemma, bounding boxes
[10] LiquidAI/LFM2.5-VL-450M, its model card, visual grounding
"""

import math
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import orjson

from viewfinder.core.coordinates import CoordinateStyle

MOST_PLACES = 1000
"""Those after it are not read."""
MOST_LABEL, MOST_WRITTEN = 200, 80
"""Characters that are kept of a label, and of a place as it is written."""
PIXEL_STYLE: CoordinateStyle = "qwen2.5-vl"
"""Its numbers are pixels of the picture as the engine resized it; those of all others are shares of it."""

NOT_FOUR = "it is not made of four numbers"
NOT_TWO = "it is not made of two numbers"
NOT_JSON = "it is not valid JSON"
CUT_OFF = "the answer ends in the middle of it"
REVERSED = "its corners are reversed"
NO_AREA = "it has no area"
TOO_MANY = f"an answer's first {MOST_PLACES} places are read"


@dataclass(frozen=True, slots=True)
class WrittenPlace:
    """A box (x1, y1, x2, y2) or a point (x, y): pixels of the model's picture for the style of pixels, else
    shares of it, 0 to 1. `numbers` are empty where there is a `fault`, a clause.

    `picture` is the one that the answer names before it, counted from 1; None: it names none.
    """

    written: str
    numbers: tuple[float, ...] = ()
    label: str = ""
    picture: int | None = None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class _Raw:
    """What a form finds: where it stands, the numbers as they are written, or the fault."""

    at: int
    written: str
    numbers: tuple[float, ...] = ()
    label: str = ""
    fault: str = ""


class _Fault(Exception):
    pass


Form = Callable[[str], Iterator[_Raw]]

_OBJECT = re.compile(r"\{[^{}]*\}")
_CORNERS = re.compile(
    r"\( {0,2}(-?\d{1,6}) {0,2}, {0,2}(-?\d{1,6}) {0,2}\) {0,2}, {0,2}"
    r"\( {0,2}(-?\d{1,6}) {0,2}, {0,2}(-?\d{1,6}) {0,2}\)"
)
_REF = re.compile(r"<\|object_ref_start\|>([^<]*)<\|object_ref_end\|>(?:<\|box_start\|>)?$")
_YX_RUN = re.compile(r"((?:<loc\d{4}>)+) ?([^<;\n]{0,200})")
_BIN_RUN = re.compile(r"(?:<loc_\d{1,3}>)+")
_TAG = re.compile(r"<points? [^<>]*>")
_TAG_NUMBER = re.compile(r'\b([xy])(\d{0,4})="\s?(-?\d{1,9}(?:\.\d{1,9})?)"')
_ALT = re.compile(r'\balt="([^"]*)"')
_QUAD = re.compile(r"\[" + " {0,2},".join([r"\s?(-?\d{1,6}(?:\.\d{1,6})?)"] * 4) + r" {0,2}\]")
_NAMED = re.compile(r"(?mi)(?:^|[.:;] )(?:in )?(?:picture|image)[ -]?(\d{1,3})\b")
_BEFORE = 300
"""Characters before a place in which its label is looked for."""


def find_places(text: str, style: CoordinateStyle) -> list[WrittenPlace]:
    """All places that are written in this style, in the order of the text."""
    form, unit = STYLE_FORMS[style]
    raws = list(islice(form(text), MOST_PLACES + 1))
    named = list(_NAMED.finditer(text))
    found = [_place(raw, unit, _picture_at(named, raw.at)) for raw in raws[:MOST_PLACES]]
    if len(raws) > MOST_PLACES:
        found.append(WrittenPlace(raws[-1].written[:MOST_WRITTEN], fault=TOO_MANY))
    return found


@dataclass(frozen=True, slots=True)
class _Unit:
    """The most that a number may be (None: pixels), and what it is divided by after `shift` is added."""

    most: float | None
    whole: float = 1.0
    shift: float = 0.0

    def shares(self, numbers: tuple[float, ...]) -> tuple[float, ...]:
        if self.most is None:
            return numbers
        for number in numbers:
            if not 0 <= number <= self.most:
                raise _Fault(f"{number:g} is not between 0 and {self.most:g}")
        return tuple((number + self.shift) / self.whole for number in numbers)


def _place(raw: _Raw, unit: _Unit, picture: int | None) -> WrittenPlace:
    numbers, fault, label = raw.numbers, raw.fault, raw.label.strip()[:MOST_LABEL]
    try:
        if not fault:
            _require_box(numbers)
            numbers = unit.shares(numbers)
    except _Fault as one:
        fault = str(one)
    written = raw.written[:MOST_WRITTEN]
    return WrittenPlace(written, () if fault else numbers, label, picture, fault)


def _require_box(numbers: tuple[float, ...]) -> None:
    if len(numbers) == 2:
        return
    left, top, right, bottom = numbers
    if left > right or top > bottom:
        raise _Fault(REVERSED)
    if left == right or top == bottom:
        raise _Fault(NO_AREA)


def _picture_at(named: list[re.Match[str]], at: int) -> int | None:
    """The last picture that the answer names before this place ("Picture 2: ..."), counted from 1."""
    before = bisect_right(named, at, key=lambda match: match.start())
    return int(named[before - 1][1]) if before else None


def _numbers(value: Any, count: int) -> tuple[float, ...]:
    if not isinstance(value, list) or len(value) != count:
        raise _Fault(NOT_FOUR if count == 4 else NOT_TWO)
    for one in value:
        if isinstance(one, bool) or not isinstance(one, int | float) or not math.isfinite(one):
            raise _Fault(NOT_FOUR if count == 4 else NOT_TWO)
    return tuple(float(one) for one in value)


def _lists(value: Any) -> list[Any]:
    """A list of numbers, or a list of such lists."""
    return value if isinstance(value, list) and value and isinstance(value[0], list) else [value]


def _objects(keys: tuple[str, ...], read: Callable[[dict[str, Any]], Iterator[tuple[float, ...]]]) -> Form:
    """A form of flat JSON objects, of which one of the `keys` must be written."""
    quoted = tuple(f'"{key}"' for key in keys)

    def form(text: str) -> Iterator[_Raw]:
        for match in _OBJECT.finditer(text):
            if any(key in match[0] for key in quoted):
                yield from _in_object(match, read)
        begun = text.rfind("{")
        if begun > text.rfind("}") and any(key in text[begun:] for key in quoted):
            yield _Raw(begun, text[begun:], fault=CUT_OFF)

    return form


def _in_object(
    match: re.Match[str], read: Callable[[dict[str, Any]], Iterator[tuple[float, ...]]]
) -> Iterator[_Raw]:
    at, written = match.start(), match[0]
    try:
        value = orjson.loads(written)
    except orjson.JSONDecodeError:
        yield _Raw(at, written, fault=NOT_JSON)
        return
    label = value.get("label")
    label = label if isinstance(label, str) else ""
    try:
        for numbers in read(value):
            yield _Raw(at, written, numbers, label)
    except _Fault as fault:
        yield _Raw(at, written, label=label, fault=str(fault))


def _qwens(value: dict[str, Any]) -> Iterator[tuple[float, ...]]:
    if "bbox_2d" in value:
        yield from (_numbers(one, 4) for one in _lists(value["bbox_2d"]))
    elif "point_2d" in value:
        yield from (_numbers(one, 2) for one in _lists(value["point_2d"]))


def _liquids(value: dict[str, Any]) -> Iterator[tuple[float, ...]]:
    if "bbox" in value:
        yield from (_numbers(one, 4) for one in _lists(value["bbox"]))


def _gemmas(value: dict[str, Any]) -> Iterator[tuple[float, ...]]:
    for one in _lists(value["box_2d"]) if "box_2d" in value else ():
        top, left, bottom, right = _numbers(one, 4)
        yield left, top, right, bottom


EDGES = ("x_min", "y_min", "x_max", "y_max")


def _moondreams(value: dict[str, Any]) -> Iterator[tuple[float, ...]]:
    if value.keys() & set(EDGES):
        yield _numbers([value.get(edge) for edge in EDGES], 4)
    elif "x" in value and "y" in value:
        yield _numbers([value["x"], value["y"]], 2)


def _in_brackets(text: str) -> Iterator[_Raw]:
    """Qwen2-VL's."""
    for match in _CORNERS.finditer(text):
        ref = _REF.search(text, max(0, match.start() - _BEFORE), match.start())
        yield _Raw(match.start(), match[0], _floats(match.groups()), ref[1] if ref else "")


def _y_first_runs(text: str) -> Iterator[_Raw]:
    """PaliGemma's."""
    for match in _YX_RUN.finditer(text):
        for numbers in _fours(re.findall(r"\d{4}", match[1])):
            if len(numbers) < 4:
                yield _Raw(match.start(), match[0], label=match[2], fault=NOT_FOUR)
            else:
                top, left, bottom, right = numbers
                yield _Raw(match.start(), match[0], (left, top, right, bottom), match[2])


def _runs_of_bins(text: str) -> Iterator[_Raw]:
    """Florence-2's."""
    for match in _BIN_RUN.finditer(text):
        before = text[max(0, match.start() - _BEFORE) : match.start()]
        label = before[before.rfind(">") + 1 :]
        for numbers in _fours(re.findall(r"\d{1,3}", match[0])):
            fault = NOT_FOUR if len(numbers) < 4 else ""
            yield _Raw(match.start(), match[0], numbers, label, fault)


def _tags(text: str) -> Iterator[_Raw]:
    """Molmo's."""
    for match in _TAG.finditer(text):
        sides: dict[str, dict[str, float]] = {"x": {}, "y": {}}
        for axis, number, value in _TAG_NUMBER.findall(match[0]):
            sides[axis][number] = float(value)
        alt = _ALT.search(match[0])
        label = alt[1] if alt else ""
        for number in sides["x"] | sides["y"]:
            both = [side[number] for side in sides.values() if number in side]
            fault = "" if len(both) == 2 else NOT_TWO
            yield _Raw(match.start(), match[0], tuple(both), label, fault)
        if not sides["x"] and not sides["y"]:
            yield _Raw(match.start(), match[0], label=label, fault=NOT_TWO)


def _lists_of_lists(text: str) -> Iterator[_Raw]:
    """InternVL's: one within two brackets, or after a comma in the same list."""
    end, label = -1, ""
    for match in _QUAD.finditer(text):
        start = match.start()
        follows = end >= 0 and start - end <= 4 and text[end:start].strip() == ","
        if not follows and text[start - 1 : start] != "[":
            continue
        if not follows:
            label = _label_before(text[max(0, start - 1 - _BEFORE) : start - 1])
        end = match.end()
        yield _Raw(start, match[0], _floats(match.groups()), label)


def _label_before(text: str) -> str:
    text = text.removesuffix("<box>")
    if not text.endswith("</ref>") or "<ref>" not in text:
        return ""
    return text[text.rfind("<ref>") + 5 : -6]


def _floats(texts: tuple[str, ...]) -> tuple[float, ...]:
    return tuple(map(float, texts))


def _fours(texts: list[str]) -> Iterator[tuple[float, ...]]:
    for at in range(0, len(texts), 4):
        yield _floats(tuple(texts[at : at + 4]))


_OF_1000 = _Unit(1000, 1000)
STYLE_FORMS: dict[CoordinateStyle, tuple[Form, _Unit]] = {
    "qwen2.5-vl": (_objects(("bbox_2d", "point_2d"), _qwens), _Unit(None)),
    "qwen3-vl": (_objects(("bbox_2d", "point_2d"), _qwens), _OF_1000),
    "qwen2-vl": (_in_brackets, _OF_1000),
    "moondream": (_objects((*EDGES, "x"), _moondreams), _Unit(1)),
    "paligemma": (_y_first_runs, _Unit(1023, 1024)),
    "florence-2": (_runs_of_bins, _Unit(999, 1000, 0.5)),
    "molmo": (_tags, _Unit(100, 100)),
    "internvl": (_lists_of_lists, _OF_1000),
    "gemma": (_objects(("box_2d",), _gemmas), _OF_1000),
    "lfm2.5-vl": (_objects(("bbox",), _liquids), _Unit(1)),
}
BOX_STYLES = frozenset(STYLE_FORMS) - {"molmo"}
"""Those of models that give boxes, not points alone."""
