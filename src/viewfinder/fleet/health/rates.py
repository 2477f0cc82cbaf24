"""How long requests of one variant may take on this machine, learned from the slowest finished ones.

Fed by `watchdog`, stored by `profile`, read by `stall`. Every estimate is the longest of the last 128 to 256
durations of its kind, so fast answers from a prompt cache do not make a fresh prompt look stalled.
"""

import math
from dataclasses import dataclass, field
from typing import Any

REMEMBERED = 128
TEMPLATE_CHARACTERS = 400
"""Added to the text of every request: the chat template and the fixed cost of a start."""
SMALLEST_PIXELS = 128 * 128
"""Smaller images take as long as this one: image encoders have a smallest input."""


@dataclass(frozen=True, slots=True)
class Cost:
    """The size of a request: the pixels of its images and the characters of its text."""

    pixels: int
    characters: int


@dataclass(frozen=True, slots=True)
class Expectation:
    """The longest silence to expect before the first chunk, and between two later ones."""

    first_s: float
    gap_s: float


@dataclass(slots=True)
class Longest:
    """The longest of the last 128 to 256 durations: of the current 128 (`now_s`) and the 128 before them."""

    before_s: float = 0.0
    now_s: float = 0.0
    count: int = 0

    def note(self, seconds: float) -> None:
        if self.count == REMEMBERED:
            self.before_s, self.now_s, self.count = self.now_s, 0.0, 0
        self.now_s = max(self.now_s, seconds)
        self.count += 1

    @property
    def seconds(self) -> float:
        return max(self.before_s, self.now_s)


@dataclass(slots=True)
class BySize:
    """The longest durations by size; sizes between two powers of two share an entry."""

    classes: dict[int, Longest] = field(default_factory=dict)

    def note(self, size: int, seconds: float) -> None:
        self.classes.setdefault(size.bit_length(), Longest()).note(seconds)

    def expect(self, size: int) -> float | None:
        """The duration measured for this size; otherwise the lower of two bounds: the duration of the next
        larger size, and that of the next smaller size scaled up. None when nothing was measured."""
        wanted = size.bit_length()
        smaller = max((known for known in self.classes if known <= wanted), default=None)
        larger = min((known for known in self.classes if known >= wanted), default=None)
        bounds = [] if larger is None else [self.classes[larger].seconds]
        if smaller is not None:
            bounds.append(self.classes[smaller].seconds * 2 ** (wanted - smaller))
        return min(bounds, default=None)


@dataclass(slots=True)
class Rates:
    """The learned durations of one variant: `observe` adds one, `expect` estimates."""

    text: BySize = field(default_factory=BySize)
    image: BySize = field(default_factory=BySize)
    gap: Longest = field(default_factory=Longest)

    def observe(self, cost: Cost, first_s: float, gap_s: float | None = None) -> None:
        """Learn from a finished exchange: the time to its first chunk, and its longest gap between two chunks
        (None: it had only one)."""
        if not _is_duration(first_s):
            return
        if cost.pixels:
            text_s = self.text.expect(_text_size(cost)) or 0.0
            # At least half: the bound of the text alone may exceed this whole request.
            self.image.note(_image_size(cost), max(first_s - text_s, first_s / 2))
        else:
            self.text.note(_text_size(cost), first_s)
        if gap_s is not None and _is_duration(gap_s):
            self.gap.note(gap_s)

    def expect(self, cost: Cost) -> Expectation | None:
        """How long a request of this size may be silent; None until one of its kind was measured."""
        text_s = self.text.expect(_text_size(cost))
        image_s = self.image.expect(_image_size(cost)) if cost.pixels else 0.0
        if image_s is None or (text_s is None and not cost.pixels):
            return None
        first_s = image_s + (text_s or 0.0)
        # Without a measured gap: a token takes no longer than the prompt did.
        return Expectation(first_s, self.gap.seconds if self.gap.count else first_s)

    def to_json(self) -> dict[str, Any]:
        """Plain types, for `from_json`."""

        def sizes(of: BySize) -> dict[str, list[float]]:
            return {str(size): _fields(one) for size, one in of.classes.items()}

        return {"text": sizes(self.text), "image": sizes(self.image), "gap": _fields(self.gap)}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Rates":
        """Reads the output of `to_json`; raises KeyError, TypeError or ValueError for anything else."""

        def sizes(of: dict[str, list[float]]) -> BySize:
            return BySize({int(size): _longest(one) for size, one in dict(of).items()})

        return cls(sizes(kept["text"]), sizes(kept["image"]), _longest(kept["gap"]))


def _text_size(cost: Cost) -> int:
    return cost.characters + TEMPLATE_CHARACTERS


def _image_size(cost: Cost) -> int:
    return max(cost.pixels, SMALLEST_PIXELS)


def _fields(one: Longest) -> list[float]:
    return [one.before_s, one.now_s, one.count]


def _longest(fields: list[float]) -> Longest:
    before_s, now_s, count = fields
    if not (_is_duration(before_s) and _is_duration(now_s) and 0 <= count <= REMEMBERED):
        raise ValueError(f"invalid durations: {fields}")
    return Longest(float(before_s), float(now_s), int(count))


def _is_duration(seconds: float) -> bool:
    return math.isfinite(seconds) and seconds >= 0
