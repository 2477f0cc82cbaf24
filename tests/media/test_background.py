"""What stands behind transparent parts: white, unless a shape would be gone."""

import pytest
from PIL import Image, ImageDraw

from viewfinder.media.background import BLACK, GREY, WHITE, on_background

CLEAR = (0, 0, 0, 0)


def shape(colour: tuple[int, ...], outline: tuple[int, ...] | None = None, edge: int = 200) -> Image.Image:
    image = Image.new("RGBA", (edge, edge), CLEAR)
    box = (edge // 4, edge // 4, edge * 3 // 4, edge * 3 // 4)
    ImageDraw.Draw(image).ellipse(box, colour, outline, width=5)
    return image


@pytest.mark.parametrize(
    ("image", "behind"),
    [
        (shape((220, 40, 40, 255)), WHITE),
        (shape((0, 0, 0, 255)), WHITE),
        (shape((255, 255, 0, 255)), WHITE),
        (shape((255, 255, 255, 255)), BLACK),
        (shape((235, 240, 235, 255), edge=4000), BLACK),
        (shape((255, 255, 255, 255), outline=(0, 0, 0, 255)), WHITE),
        (shape((0, 0, 0, 255), outline=(255, 255, 255, 255)), BLACK),
        (shape((255, 255, 255, 120)), BLACK),
        (Image.new("RGBA", (9, 9), CLEAR), WHITE),
        (Image.new("RGBA", (1, 1), (255, 255, 255, 255)), WHITE),
        (Image.new("RGBA", (1, 9), CLEAR), WHITE),
    ],
    ids=[
        "red", "black", "yellow", "white", "nearly white, large", "white in a black line",
        "black in a white line", "half white", "nothing", "no outline", "thin",
    ],
)  # fmt: skip
def test_a_shape_can_be_seen(image: Image.Image, behind: tuple[int, int, int]) -> None:
    """A white shape on a transparent background was answered with "There is no circle."."""
    shown = on_background(image)
    assert shown.getpixel((0, 0)) == (behind if image.getpixel((0, 0)) == CLEAR else (255, 255, 255))


def test_black_and_white_side_by_side_stand_on_grey() -> None:
    image = Image.new("RGBA", (200, 100), CLEAR)
    ImageDraw.Draw(image).rectangle((20, 20, 80, 80), (255, 255, 255, 255))
    ImageDraw.Draw(image).rectangle((120, 20, 180, 80), (0, 0, 0, 255))
    assert on_background(image).getpixel((100, 50)) == GREY
