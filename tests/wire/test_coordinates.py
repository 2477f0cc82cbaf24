"""Boxes and points in the text of an answer: every style, what is left out and why, and the time it takes."""

import time

import pytest

from viewfinder.core.coordinates import CoordinateStyle
from viewfinder.wire import coordinates
from viewfinder.wire.coordinates import MOST_PLACES, STYLE_FORMS, find_places

Found = list[tuple[tuple[float, ...], str]]
STYLES: list[tuple[CoordinateStyle, str, Found]] = [
    (
        "qwen2.5-vl",
        '```json\n[\n\t{"bbox_2d": [10, 20, 1300, 400], "label": "cat"},\n\t{"bbox_2d": [1, 2, 3, 4]}]\n```',
        [((10, 20, 1300, 400), "cat"), ((1, 2, 3, 4), "")],
    ),
    ("qwen2.5-vl", '{"point_2d": [10.5, 20], "label": "nose"}', [((10.5, 20), "nose")]),
    ("qwen3-vl", '[{"bbox_2d": [100, 200, 300, 1000], "label": "a"}]', [((0.1, 0.2, 0.3, 1.0), "a")]),
    (
        "qwen3-vl",
        '{"bbox_2d": [[0, 0, 500, 500], [500, 0, 1000, 250]], "label": "b"}',
        [
            ((0, 0, 0.5, 0.5), "b"),
            ((0.5, 0, 1, 0.25), "b"),
        ],
    ),
    ("qwen3-vl", '{"point_2d": [250, 750]}', [((0.25, 0.75), "")]),
    (
        "qwen2-vl",
        "<|object_ref_start|>the cat<|object_ref_end|><|box_start|>(100,200),(300,400)<|box_end|>",
        [((0.1, 0.2, 0.3, 0.4), "the cat")],
    ),
    ("qwen2-vl", "the cat(100, 200), (300, 400)", [((0.1, 0.2, 0.3, 0.4), "")]),
    (
        "moondream",
        '{"objects": [{"x_min": 0.1, "y_min": 0.2, "x_max": 0.3, "y_max": 0.4}]}',
        [((0.1, 0.2, 0.3, 0.4), "")],
    ),
    ("moondream", '{"points": [{"x": 0.5, "y": 0.25}, {"x": 1, "y": 0}]}', [((0.5, 0.25), ""), ((1, 0), "")]),
    (
        "paligemma",
        "<loc0256><loc0128><loc0512><loc1023> a cat ; <loc0000><loc0000><loc0512><loc0512> dog",
        [((0.125, 0.25, 1023 / 1024, 0.5), "a cat"), ((0, 0, 0.5, 0.5), "dog")],
    ),
    (
        "florence-2",
        "</s><s>car<loc_52><loc_332><loc_932><loc_774>wheel<loc_0><loc_1><loc_2><loc_3><loc_4><loc_5><loc_6><loc_999></s>",
        [
            ((0.0525, 0.3325, 0.9325, 0.7745), "car"),
            ((0.0005, 0.0015, 0.0025, 0.0035), "wheel"),
            ((0.0045, 0.0055, 0.0065, 0.9995), "wheel"),
        ],
    ),
    ("molmo", 'It is <point x="10.5" y=" 20.1" alt="the nose">here</point>.', [((0.105, 0.201), "the nose")]),
    (
        "molmo",
        '<points x1="1" y1="2" x2="30.0" y2="40" x11="5" y11="6" alt="eyes">eyes</points>',
        [((0.01, 0.02), "eyes"), ((0.3, 0.4), "eyes"), ((0.05, 0.06), "eyes")],
    ),
    (
        "internvl",
        "<ref>cat</ref><box>[[100, 200, 300, 400], [0,0,9,9]]</box> <ref>mat</ref><box>[[1, 2, 3, 4]]</box>",
        [((0.1, 0.2, 0.3, 0.4), "cat"), ((0, 0, 0.009, 0.009), "cat"), ((0.001, 0.002, 0.003, 0.004), "mat")],
    ),
    ("internvl", "cat[[100, 200, 300, 400]]", [((0.1, 0.2, 0.3, 0.4), "")]),
    ("gemma", '[{"box_2d": [200, 100, 400, 300], "label": "cat"}]', [((0.1, 0.2, 0.3, 0.4), "cat")]),
    ("lfm2.5-vl", '[{"label": "cat", "bbox": [0.1, 0.2, 0.3, 0.4]}]', [((0.1, 0.2, 0.3, 0.4), "cat")]),
]


@pytest.mark.parametrize(("style", "text", "expected"), STYLES, ids=[one[0] for one in STYLES])
def test_each_style_is_read(style: CoordinateStyle, text: str, expected: Found) -> None:
    found = find_places(text, style)
    assert [one.fault for one in found] == [""] * len(expected)
    assert [one.label for one in found] == [label for _, label in expected]
    for one, (numbers, _) in zip(found, expected, strict=True):
        assert one.numbers == pytest.approx(numbers)


def test_every_style_has_an_example() -> None:
    assert {style for style, _, _ in STYLES} == set(STYLE_FORMS)


WORDS = (
    "It is at [10, 20, 30, 40], from (1, 2) to 5; <box> {x: 3}, {} and 1999.",
    '{"x_minimum": 1} <loc> <point> [[1, 2, 3]] {"label": "bbox"}',
)


@pytest.mark.parametrize("style", STYLE_FORMS)
@pytest.mark.parametrize("text", WORDS)
def test_mere_numbers_are_text(style: CoordinateStyle, text: str) -> None:
    assert find_places(text, style) == []


@pytest.mark.parametrize("style", STYLE_FORMS)
def test_the_style_of_another_model_is_text(style: CoordinateStyle) -> None:
    """What Qwen2.5-VL and Qwen3-VL write looks alike: only the card tells them apart."""
    alike = {"qwen2.5-vl", "qwen3-vl"}
    for other, text, _ in STYLES:
        if other != style and {other, style} != alike and not (style == "internvl" and "[[" in text):
            assert find_places(text, style) == [], (other, text)


FAULTS: list[tuple[CoordinateStyle, str, str]] = [
    ("qwen3-vl", '{"bbox_2d": [1, 2, 3]}', coordinates.NOT_FOUR),
    ("qwen3-vl", '{"bbox_2d": [1, 2, 3, "4"]}', coordinates.NOT_FOUR),
    ("qwen3-vl", '{"bbox_2d": [1, 2, 3, true]}', coordinates.NOT_FOUR),
    ("qwen3-vl", '{"bbox_2d": "none"}', coordinates.NOT_FOUR),
    ("qwen3-vl", '{"bbox_2d": []}', coordinates.NOT_FOUR),
    ("qwen3-vl", '{"point_2d": [1]}', coordinates.NOT_TWO),
    ("qwen3-vl", '{"bbox_2d": [1, 2, 3, NaN]}', coordinates.NOT_JSON),
    ("qwen3-vl", '{"bbox_2d": [1, 2, 3, 1e999]}', coordinates.NOT_JSON),
    ("qwen3-vl", '{"bbox_2d": [1, 2, 3, 4, "label": "cat"}', coordinates.NOT_JSON),
    ("qwen3-vl", '[{"bbox_2d": [1, 2, 3', coordinates.CUT_OFF),
    ("qwen3-vl", '{"bbox_2d": [30, 40, 10, 20]}', coordinates.REVERSED),
    ("qwen3-vl", '{"bbox_2d": [30, 40, 30, 60]}', coordinates.NO_AREA),
    ("qwen3-vl", '{"bbox_2d": [30, 40, 1200, 60]}', "1200 is not between 0 and 1000"),
    ("qwen3-vl", '{"point_2d": [30, -4]}', "-4 is not between 0 and 1000"),
    ("qwen2-vl", "(30,40),(10,20)", coordinates.REVERSED),
    ("moondream", '{"x_min": 0.1, "y_min": 0.2, "x_max": 0.3}', coordinates.NOT_FOUR),
    ("moondream", '{"x": 1.5, "y": 0.2}', "1.5 is not between 0 and 1"),
    ("paligemma", "<loc0001><loc0002><loc0003> cat", coordinates.NOT_FOUR),
    ("paligemma", "<loc0001><loc0002><loc0003><loc1024>", "1024 is not between 0 and 1023"),
    ("florence-2", "cat<loc_1><loc_2>", coordinates.NOT_FOUR),
    ("molmo", '<point x="101" y="3">', "101 is not between 0 and 100"),
    ("molmo", '<points x1="1" y2="3">', coordinates.NOT_TWO),
    ("molmo", '<point alt="there">', coordinates.NOT_TWO),
    ("internvl", "<box>[[1, 2, 3, 4000]]</box>", "4000 is not between 0 and 1000"),
    ("gemma", '{"box_2d": [200, 100, 100, 300]}', coordinates.REVERSED),
    ("lfm2.5-vl", '{"bbox": [10, 20, 30, 40]}', "10 is not between 0 and 1"),
]


@pytest.mark.parametrize(("style", "text", "fault"), FAULTS)
def test_what_is_wrong_is_left_out_with_the_reason(style: CoordinateStyle, text: str, fault: str) -> None:
    found = find_places(text, style)
    assert found[0].fault == fault
    assert found[0].numbers == ()
    assert found[0].written[:5] in text


def test_one_that_is_wrong_takes_no_other_with_it() -> None:
    text = '[{"bbox_2d": [9, 9, 1, 1]}, {"bbox_2d": [1, 1, 9, 9]}, {"bbox_2d": [1,'
    assert [bool(one.numbers) for one in find_places(text, "qwen3-vl")] == [False, True, False]


def test_the_picture_that_is_named_before() -> None:
    box = '{"bbox_2d": [1, 1, 9, 9]}'
    text = f"{box}\nPicture 2: {box} and {box}\nimage 1: {box}. In image 3 {box}, as in image 5 {box}"
    assert [one.picture for one in find_places(text, "qwen3-vl")] == [None, 2, 2, 1, 3, 3]


def test_the_first_thousand_are_read() -> None:
    found = find_places('{"point_2d": [1, 2]}' * 5000, "qwen3-vl")
    assert len(found) == MOST_PLACES + 1
    assert [one.fault for one in found if one.fault] == [coordinates.TOO_MANY]


def test_long_labels_are_cut() -> None:
    (found,) = find_places('{"bbox_2d": [1, 1, 9, 9], "label": "%s"}' % ("a" * 1000), "qwen3-vl")
    assert (len(found.label), len(found.written)) == (200, 80)


PATHOLOGICAL = (
    *("{", "[", "[[", "(", "(1,2),", "(1 , 2) , ", "<", "<point ", "<loc0001>", "<loc_1>", "[1, 2, 3, "),
    *('{"bbox_2d": ', '{"x": ', '"bbox_2d"', "<box>", "<ref>", "Picture 1", "\nimage 1: ", 'x1="1" '),
    *(
        '<points x="1',
        '{"bbox_2d": [[[[[[',
        "<|object_ref_start|>",
        "1",
        " ",
        "\\",
        '"',
        "a{}",
        "-",
        "[[1,2,3,4],",
    ),
)


@pytest.mark.parametrize("style", STYLE_FORMS)
def test_the_time_is_linear(style: CoordinateStyle) -> None:
    """A tenth of a megabyte of each takes a few ms, and what is quadratic would take minutes; the garbage of
    a whole run of tests may be collected meanwhile."""
    for piece in PATHOLOGICAL:
        text = piece * (100_000 // len(piece))
        began = time.process_time()
        find_places(text, style)
        assert time.process_time() - began < 3, piece
