"""From what a model wrote to pixels of the picture that was sent."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viewfinder.core.coordinates import CoordinateStyle
from viewfinder.wire import placing
from viewfinder.wire.coordinates import STYLE_FORMS, TOO_MANY
from viewfinder.wire.placing import ImageGrid, SeenPicture, place_answer

TRANSFORMERS = ImageGrid(multiple=28, least_pixels=3136, most_pixels=12_845_056, fit="stretch")
QWEN3_LLAMA = ImageGrid(multiple=32, least_pixels=8192, most_pixels=4_194_304, fit="pad")
GEMMA4_LLAMA = ImageGrid(multiple=48, least_pixels=92_160, most_pixels=645_120, fit="pad")


@pytest.mark.parametrize(
    ("grid", "size", "canvas"),
    [
        # what llama.cpp made of them, as others have published from its dumps
        (GEMMA4_LLAMA, (640, 640), (624, 624)),
        (GEMMA4_LLAMA, (640, 480), (624, 480)),
        (GEMMA4_LLAMA, (800, 480), (816, 480)),
        (GEMMA4_LLAMA, (3000, 2000), (960, 624)),
        (GEMMA4_LLAMA, (100, 100), (336, 336)),
        (QWEN3_LLAMA, (4000, 3000), (2336, 1760)),
        (QWEN3_LLAMA, (528, 32), (544, 32)),  # half a step is rounded up; Python would round it to even
        (TRANSFORMERS, (42, 70), (56, 56)),  # 1.5 and 2.5 steps, each to even
        (TRANSFORMERS, (4000, 3000), (4004, 2996)),
        (TRANSFORMERS, (28, 28), (56, 56)),
    ],
)
def test_the_size_that_a_model_gets(grid: ImageGrid, size: tuple[int, int], canvas: tuple[int, int]) -> None:
    assert grid.canvas(size) == canvas


def test_llama_cpp_puts_black_at_both_sides_alike() -> None:
    assert QWEN3_LLAMA.area((4000, 3000)) == (0, 4, 2336, 1756)
    assert GEMMA4_LLAMA.area((640, 480)) == (0, 6, 624, 474)
    assert GEMMA4_LLAMA.area((624, 480)) == (0, 0, 624, 480)
    assert TRANSFORMERS.area((4000, 3000)) == (0, 0, 4004, 2996)


SIZES = st.tuples(st.integers(20, 4000), st.integers(20, 4000))


@given(st.sampled_from([TRANSFORMERS, QWEN3_LLAMA, GEMMA4_LLAMA]), SIZES)
def test_a_canvas_is_within_its_limits_and_holds_the_picture(grid: ImageGrid, size: tuple[int, int]) -> None:
    width, height = grid.canvas(size)
    assert width % grid.multiple == height % grid.multiple == 0
    thin = grid.multiple in (width, height)
    assert width * height <= grid.most_pixels or thin
    left, top, right, bottom = grid.area(size)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert (right - left, bottom - top) == (width, height) or grid.fit == "pad"


@given(SIZES, st.floats(0.01, 0.99), st.floats(0.01, 0.99), st.sampled_from([TRANSFORMERS, QWEN3_LLAMA]))
def test_a_point_in_pixels_comes_back(size: tuple[int, int], x: float, y: float, grid: ImageGrid) -> None:
    left, top, right, bottom = grid.area(size)
    at = left + x * (right - left), top + y * (bottom - top)
    text = f'{{"point_2d": [{at[0]:.3f}, {at[1]:.3f}]}}'
    placed = place_answer(text, "qwen2.5-vl", grid, [SeenPicture.unchanged(size)])
    (box,) = placed.boxes
    wanted = x * size[0], y * size[1]
    for found, right_one, edge in zip(box["point"], wanted, size, strict=True):
        assert abs(found - right_one) <= 0.06 + 0.001 * edge / 20


PIECES = (
    *(
        '{"bbox_2d": ',
        '"x": ',
        "[",
        "]",
        "{",
        "}",
        ", ",
        "-1",
        "7",
        "1e3",
        "0.5",
        "<loc0007>",
        "<loc_9>",
        '"',
    ),
    *(
        "(",
        ")",
        "<point ",
        'x="',
        'y1="',
        ">",
        "<box>",
        "Picture 2: ",
        "null",
        "\n",
        '"bbox": ',
        '"box_2d": ',
    ),
)


@given(
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    st.sampled_from(sorted(STYLE_FORMS)),
    st.integers(1, 2),
)
def test_whatever_is_written_what_is_placed_is_inside_of_its_picture(
    text: str, style: CoordinateStyle, count: int
) -> None:
    pictures = [SeenPicture((300, 200), (150, 110), (0, 5, 150, 105)) for _ in range(count)]
    for grid in (None, QWEN3_LLAMA):
        placed = place_answer(text, style, grid, pictures)
        for box in placed.boxes:
            at = box.get("box") or box["point"]
            assert all(0 <= value <= (300, 200)[axis % 2] for axis, value in enumerate(at))
            assert 0 <= box["image"] < count
        assert all(left["why"] for left in placed.not_placed)


def one(text: str, style: str = "qwen3-vl", count: int = 1, grid: ImageGrid | None = None) -> dict:
    pictures = [SeenPicture.unchanged((200 * (at + 1), 100)) for at in range(count)]
    return place_answer(text, style, grid, pictures).fields()


def test_without_the_engines_resize_pixels_are_not_placed() -> None:
    fields = one('{"bbox_2d": [1, 2, 30, 40]}', "qwen2.5-vl")
    assert fields == {
        "boxes": [],
        "not_placed": [{"written": '{"bbox_2d": [1, 2, 30, 40]}', "why": placing.NO_GRID}],
    }


def test_an_answer_without_coordinates_gets_nothing() -> None:
    assert one("A cat, at 10, 20.") == {}


def test_the_last_picture_unless_another_is_named() -> None:
    box = '{"bbox_2d": [0, 0, 500, 1000], "label": "cat"}'
    assert one(box) == {"boxes": [{"image": 0, "box": [0, 0, 100, 100], "label": "cat"}]}
    assert one(box, count=2)["boxes"][0] == {"image": 1, "box": [0, 0, 200, 100], "label": "cat"}
    named = one(f"Picture 1: {box}\nPicture 3: {box}", count=2)
    assert [found["image"] for found in named["boxes"]] == [0]
    assert named["not_placed"][0]["why"] == "the answer names picture 3 of 2"
    assert one(f"Picture 7: {box}")["boxes"][0]["image"] == 0, "there is only one"


def test_what_is_beyond_the_edge_is_clipped_or_left_out() -> None:
    grid = ImageGrid(multiple=100, least_pixels=1, most_pixels=10**6, fit="stretch")
    text = '[{"bbox_2d": [-20, 10, 50, 140]}, {"bbox_2d": [210, 10, 250, 40]}, {"point_2d": [200.5, 50]}]'
    fields = one(text, "qwen2.5-vl", grid=grid)
    assert fields["boxes"] == [
        {"image": 0, "box": [0, 10, 50, 100], "clipped": True},
        {"image": 0, "point": [200, 50]},
    ]
    assert [left["why"] for left in fields["not_placed"]] == [placing.OUTSIDE]


def test_a_box_in_the_black_border_is_outside() -> None:
    grid = ImageGrid(multiple=100, least_pixels=1, most_pixels=10**6, fit="pad")
    picture = SeenPicture.unchanged((200, 140))  # 200 x 100 holds it at 143 x 100: 28 px left of it
    assert grid.area((200, 140)) == (28, 0, 171, 100)
    placed = place_answer('{"bbox_2d": [0, 0, 20, 50]}', "qwen2.5-vl", grid, [picture])
    assert placed.not_placed[0]["why"] == placing.OUTSIDE


def test_more_than_are_read_are_told() -> None:
    fields = one('{"point_2d": [1, 2]}' * 1500)
    assert (len(fields["boxes"]), fields["not_placed"][0]["why"]) == (1000, TOO_MANY)
