"""From the boxes and points that a model wrote to pixels of the picture that was sent; pure.

Called by the gateway and by the measure of grounding. Three things are undone, in this order: the unit of the
model's style, the engine's own resize (where the card knows it), and what the gate did to the picture.

The picture that was sent is meant as it is displayed: upright, after its EXIF orientation. Pixels are
continuous, from 0 at the left and top edges to the width and height at the others; one decimal is kept.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from viewfinder.core.coordinates import CoordinateStyle
from viewfinder.wire.coordinates import PIXEL_STYLE, WrittenPlace, find_places

Area = tuple[float, float, float, float]
"""Left, top, right, bottom in px."""
Size = tuple[int, int]
"""Width and height in px."""

NO_GRID = "its numbers are pixels of the picture as the engine resized it, and to what size is not known"
OUTSIDE = "it is outside of the picture"
ROUNDING_PX = 1.0
"""What is outside by less is at the edge: models round."""


class ImageGrid(BaseModel):
    """How an engine resizes a picture for a model that takes any size. Both compute the same size:
    transformers (models/qwen2_vl/image_processing_qwen2_vl.py, `smart_resize`) stretches the picture to it,
    llama.cpp (tools/mtmd/mtmd-image.cpp, `img_tool::resize`) fits it in, with black at both sides."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    multiple: int = Field(gt=0, description="both edges are multiples of it, in px")
    least_pixels: int = Field(gt=0)
    most_pixels: int = Field(gt=0)
    fit: Literal["stretch", "pad"]

    def canvas(self, size: Size) -> Size:
        """The size of the picture that the model gets."""
        width, height = (max(self.multiple, self._nearest(edge)) for edge in size)
        area = math.prod(size)
        if width * height > self.most_pixels:
            scale = math.sqrt(area / self.most_pixels)
            width, height = (max(self.multiple, self._multiple(math.floor, edge / scale)) for edge in size)
        elif width * height < self.least_pixels:
            scale = math.sqrt(self.least_pixels / area)
            width, height = (self._multiple(math.ceil, edge * scale) for edge in size)
        return width, height

    def area(self, size: Size) -> Area:
        """Where in it the picture lies."""
        width, height = self.canvas(size)
        if self.fit == "stretch":
            return 0, 0, width, height
        scale = min(width / size[0], height / size[1])
        # 1e-6: llama.cpp computes in 32 bits; a whole number there is one here
        inner = [
            min(math.ceil(edge * scale - 1e-6), most)
            for edge, most in zip(size, (width, height), strict=True)
        ]
        left, top = (width - inner[0]) // 2, (height - inner[1]) // 2
        return left, top, left + inner[0], top + inner[1]

    def _nearest(self, edge: int) -> int:
        """Python rounds a half to even, as transformers does; C++ rounds it up."""
        steps = edge / self.multiple
        return (round(steps) if self.fit == "stretch" else math.floor(steps + 0.5)) * self.multiple

    def _multiple(self, rounded: Any, edge: float) -> int:
        return int(rounded(edge / self.multiple)) * self.multiple


@dataclass(frozen=True, slots=True)
class SeenPicture:
    """A picture on its way: `sent` is its size as displayed, `given` that of the one that the engine got, and
    `area` where in that one it lies."""

    sent: Size
    given: Size
    area: Area

    @classmethod
    def unchanged(cls, size: Size) -> "SeenPicture":
        return cls(size, size, (0, 0, *size))


@dataclass(frozen=True, slots=True)
class PlacedAnswer:
    """As the fields of a message: places in pixels, and those that could not be placed, with the reason."""

    boxes: list[dict[str, Any]]
    not_placed: list[dict[str, str]]

    def fields(self) -> dict[str, Any]:
        """Nothing where the answer has no coordinates."""
        if not self.boxes and not self.not_placed:
            return {}
        return {"boxes": self.boxes} | ({"not_placed": self.not_placed} if self.not_placed else {})


def place_answer(
    text: str, style: CoordinateStyle, grid: ImageGrid | None, pictures: Sequence[SeenPicture]
) -> PlacedAnswer:
    """The places of an answer about these pictures, at least one: each in the picture that the answer names,
    else in the last."""
    return place_all(find_places(text, style), style, grid, pictures)


def place_all(
    places: Iterable[WrittenPlace],
    style: CoordinateStyle,
    grid: ImageGrid | None,
    pictures: Sequence[SeenPicture],
) -> PlacedAnswer:
    answer = PlacedAnswer([], [])
    for place in places:
        index = len(pictures) - 1
        if place.picture is not None and len(pictures) > 1:
            index = place.picture - 1
        fault = place.fault
        if not fault and not 0 <= index < len(pictures):
            fault = f"the answer names picture {place.picture} of {len(pictures)}"
        if not fault and grid is None and style == PIXEL_STYLE:
            fault = NO_GRID
        at = () if fault else _in_picture(place.numbers, style, grid, pictures[index])
        inside = _clipped(at, pictures[index].sent) if at else ()
        if not inside:
            answer.not_placed.append({"written": place.written, "why": fault or OUTSIDE})
            continue
        one: dict[str, Any] = {"image": index, "box" if len(inside) == 4 else "point": _rounded(inside)}
        one |= {"label": place.label} if place.label else {}
        answer.boxes.append(one | ({"clipped": True} if _is_changed(at, inside) else {}))
    return answer


def _in_picture(
    numbers: Sequence[float], style: CoordinateStyle, grid: ImageGrid | None, picture: SeenPicture
) -> tuple[float, ...]:
    """The numbers in pixels of the picture that was sent, which may be outside of it."""
    canvas = grid.canvas(picture.given) if grid else picture.given
    fitted = grid.area(picture.given) if grid else (0.0, 0.0, *picture.given)
    at = []
    for number, axis in zip(numbers, (0, 1) * 2, strict=False):
        in_canvas = number if style == PIXEL_STYLE else number * canvas[axis]
        given = _undone(in_canvas, fitted, axis) * picture.given[axis]
        at.append(_undone(given, picture.area, axis) * picture.sent[axis])
    return tuple(at)


def _undone(value: float, area: Area, axis: int) -> float:
    """The share of the area at which the value lies."""
    return (value - area[axis]) / (area[axis + 2] - area[axis])


def _clipped(at: tuple[float, ...], size: Size) -> tuple[float, ...]:
    """The part of a box that is inside; empty where nothing of it is, or the point is not."""
    inside = tuple(min(max(one, 0.0), float(size[index % 2])) for index, one in enumerate(at))
    if len(at) == 2:
        return () if _is_changed(at, inside) else inside
    return inside if inside[0] < inside[2] and inside[1] < inside[3] else ()


def _is_changed(at: Sequence[float], inside: Sequence[float]) -> bool:
    return any(abs(one - other) > ROUNDING_PX for one, other in zip(at, inside, strict=True))


def _rounded(at: Sequence[float]) -> list[float]:
    return [round(one, 1) for one in at]
