"""How long requests of one variant may take on this machine, learned from the slowest finished ones.

Fed by `watchdog`, stored by `profile`, read by `stall`. Every estimate is the longest of the last 128 to 256
durations of its kind, so fast answers from a prompt cache do not make a fresh prompt look stalled.
"""

import math
from dataclasses import dataclass
from typing import Annotated, NamedTuple

from pydantic import Field

from viewfinder.fleet.record.request_shape import RequestShape

REMEMBERED = 128
TEMPLATE_CHARACTERS = 400
"""Added to the text of every request: the chat template and the fixed cost of a start."""
SMALLEST_PIXELS = 128 * 128
"""Smaller images take as long as this one: image encoders have a smallest input."""

Duration = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@dataclass(frozen=True, slots=True)
class Expectation:
    """The longest silence to expect before the first chunk, and between two later ones."""

    first_s: float
    gap_s: float


class Longest(NamedTuple):
    """The longest of the last 128 to 256 durations: of the current 128 (`now_s`) and the 128 before them."""

    before_s: Duration = 0.0
    now_s: Duration = 0.0
    noted: Annotated[int, Field(ge=0, le=REMEMBERED)] = 0

    def noting(self, seconds: float) -> "Longest":
        """With one more duration."""
        if self.noted == REMEMBERED:
            return Longest(self.now_s, seconds, 1)
        return Longest(self.before_s, max(self.now_s, seconds), self.noted + 1)

    @property
    def seconds(self) -> float:
        return max(self.before_s, self.now_s)


BySize = dict[int, Longest]
"""The longest durations by the size's number of bits: sizes between two powers of two share an entry."""


@dataclass(slots=True)
class Rates:
    """The learned durations of one variant: `observe` adds one, `expect` estimates."""

    text: BySize
    image: BySize
    gap: Longest

    @classmethod
    def unknown(cls) -> "Rates":
        """Nothing was measured yet."""
        return cls({}, {}, Longest())

    def observe(self, shape: RequestShape, first_s: float, gap_s: float | None = None) -> None:
        """Learn from a finished exchange: the time to its first chunk, and its longest gap between two chunks
        (None: it had only one)."""
        if not _is_duration(first_s):
            return
        if shape.pixels:
            # Only what a text of this size took: the bound by other sizes may fall later.
            text_s = self.text.get(_text_size(shape).bit_length(), Longest()).seconds
            # At least half: the longest text alone may exceed this whole request.
            _note(self.image, _image_size(shape), max(first_s - text_s, first_s / 2))
        else:
            _note(self.text, _text_size(shape), first_s)
        if gap_s is not None and _is_duration(gap_s):
            self.gap = self.gap.noting(gap_s)

    def expect(self, shape: RequestShape) -> Expectation | None:
        """How long a request of this size may be silent; None until one of its kind was measured."""
        text_s = longest_for(_text_size(shape), self.text)
        image_s = longest_for(_image_size(shape), self.image) if shape.pixels else 0.0
        if image_s is None or (text_s is None and not shape.pixels):
            return None
        first_s = image_s + (text_s or 0.0)
        # Without a measured gap: a token takes no longer than the prompt did.
        return Expectation(first_s, self.gap.seconds if self.gap.noted else first_s)


def longest_for(size: int, known: BySize) -> float | None:
    """The duration measured for this size; otherwise the lower of two bounds: the duration of the next larger
    size, and that of the next smaller size scaled up. None when nothing was measured."""
    wanted = size.bit_length()
    smaller = max((bits for bits in known if bits <= wanted), default=None)
    larger = min((bits for bits in known if bits >= wanted), default=None)
    bounds = [] if larger is None else [known[larger].seconds]
    if smaller is not None:
        bounds.append(known[smaller].seconds * 2 ** (wanted - smaller))
    return min(bounds, default=None)


def _note(known: BySize, size: int, seconds: float) -> None:
    bits = size.bit_length()
    known[bits] = known.get(bits, Longest()).noting(seconds)


def _text_size(shape: RequestShape) -> int:
    return shape.characters + TEMPLATE_CHARACTERS


def _image_size(shape: RequestShape) -> int:
    return max(shape.pixels, SMALLEST_PIXELS)


def _is_duration(seconds: float) -> bool:
    return math.isfinite(seconds) and seconds >= 0
