"""How long this machine takes for a request of one variant, at its slow end, learned from finished ones.

Fed by `fleet`, kept in `profile`, read by `stall`. Every estimate is the longest of the last 128 to 256
like it: answers from a prompt cache, however many, do not make a fresh prompt look stuck.
"""

import math
from dataclasses import dataclass, field
from typing import Any

REMEMBERED = 128
TEMPLATE_CHARACTERS = 400
"""What a request costs beside its own text: the template around it, and its start."""
SMALLEST_PIXELS = 128 * 128
"""A smaller picture costs no less: its encoder has a size of its own."""


@dataclass(frozen=True, slots=True)
class Cost:
    """How large a request is: the pixels of its images and the characters of its text."""

    pixels: int
    characters: int


@dataclass(frozen=True, slots=True)
class Expectation:
    """The longest silence to expect before the first word, and between two words after it."""

    first_s: float
    gap_s: float


@dataclass(slots=True)
class Longest:
    """The longest of the last 128 to 256 durations: of the 128 that are being filled, and of those before."""

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
    """The longest durations of each size; sizes within a power of two share one."""

    classes: dict[int, Longest] = field(default_factory=dict)

    def note(self, size: int, seconds: float) -> None:
        self.classes.setdefault(size.bit_length(), Longest()).note(seconds)

    def expect(self, size: int) -> float | None:
        """What was measured of this size, else the least that the sizes next to it allow: no more than the
        larger took, and no more than in proportion to the smaller. None when nothing was measured."""
        wanted = size.bit_length()
        smaller = max((known for known in self.classes if known <= wanted), default=None)
        larger = min((known for known in self.classes if known >= wanted), default=None)
        bounds = [] if larger is None else [self.classes[larger].seconds]
        if smaller is not None:
            bounds.append(self.classes[smaller].seconds * 2 ** (wanted - smaller))
        return min(bounds, default=None)


@dataclass(slots=True)
class Rates:
    """What was learned of one variant; fill it with `observe`, ask it with `expect`."""

    text: BySize = field(default_factory=BySize)
    image: BySize = field(default_factory=BySize)
    gap: Longest = field(default_factory=Longest)

    def observe(self, cost: Cost, first_s: float, gap_s: float | None = None) -> None:
        """Learn from a finished exchange: how long its first word took, and the longest gap after it (None:
        it had none)."""
        if not _is_duration(first_s):
            return
        if cost.pixels:
            text_s = self.text.expect(_text_size(cost)) or 0.0
            # Of what the text's slow end would take up whole, half is still the image's.
            self.image.note(_image_size(cost), max(first_s - text_s, first_s / 2))
        else:
            self.text.note(_text_size(cost), first_s)
        if gap_s is not None and _is_duration(gap_s):
            self.gap.note(gap_s)

    def expect(self, cost: Cost) -> Expectation | None:
        """How long such a request may be silent; None until one of its kind was measured."""
        text_s = self.text.expect(_text_size(cost))
        image_s = self.image.expect(_image_size(cost)) if cost.pixels else 0.0
        if image_s is None or (text_s is None and not cost.pixels):
            return None
        first_s = image_s + (text_s or 0.0)
        # A word never takes longer than the prompt did.
        return Expectation(first_s, self.gap.seconds if self.gap.count else first_s)

    def to_json(self) -> dict[str, Any]:
        """Plain types, for `from_json`."""

        def sizes(of: BySize) -> dict[str, list[float]]:
            return {str(size): _fields(one) for size, one in of.classes.items()}

        return {"text": sizes(self.text), "image": sizes(self.image), "gap": _fields(self.gap)}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Rates":
        """What `to_json` gave; KeyError, TypeError or ValueError when it is something else."""

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
        raise ValueError(f"no durations: {fields}")
    return Longest(float(before_s), float(now_s), int(count))


def _is_duration(seconds: float) -> bool:
    return math.isfinite(seconds) and seconds >= 0
