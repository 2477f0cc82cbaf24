"""Which frames of a clip are shown: pure decisions over the times of its frames; called by `clip`."""

from bisect import bisect_left
from collections.abc import Sequence
from itertools import pairwise

from PIL import Image, ImageChops, ImageStat

LOOK_EDGE = 48
"""Frames are compared as pictures of this size in px."""
NOISE = 1.0
"""Of 255: the mean difference of two such pictures that is no change, but noise of a camera."""


def by_time(times: Sequence[float], count: int) -> list[int]:
    """Which `count` frames lie evenly over the clip, its first and its last among them; one: its middle.

    `times` in seconds, ascending.
    """
    if len(times) <= count:
        return list(range(len(times)))
    first, last = times[0], times[-1]
    if count == 1:
        return [_nearest(times, (first + last) / 2)]
    wanted = (first + (last - first) * at / (count - 1) for at in range(count))
    return _filled({_nearest(times, one) for one in wanted}, times, count)


def by_change(times: Sequence[float], changes: Sequence[float], count: int) -> list[int]:
    """Which `count` frames show what happens: between two of them as much changes as between two others.

    `changes[n]` is how much frame n differs from the one before. After a cut comes the first frame of the new
    scene. Where nothing changes, and for what is left of `count`, they lie evenly in time.
    """
    if len(times) <= count:
        return list(range(len(times)))
    sums, total = [], 0.0
    for change in (0.0, *changes[1:]):
        total += change if change > NOISE else 0.0
        sums.append(total)
    if total == 0 or count == 1:
        return by_time(times, count)
    steps = count - 1
    chosen = {min(bisect_left(sums, total * at / steps), len(times) - 1) for at in range(1, steps)}
    return _filled({0, *chosen, len(times) - 1}, times, count)


def look(image: Image.Image) -> Image.Image:
    """The small picture by which a frame is compared."""
    return image.convert("RGB").resize((LOOK_EDGE, LOOK_EDGE), Image.Resampling.BOX)


def change(before: Image.Image, after: Image.Image) -> float:
    """How much two such pictures differ: 0 to 255."""
    return sum(ImageStat.Stat(ImageChops.difference(before, after)).mean) / 3


def _nearest(times: Sequence[float], wanted: float) -> int:
    after = min(bisect_left(times, wanted), len(times) - 1)
    before = max(0, after - 1)
    return before if wanted - times[before] <= times[after] - wanted else after


def _filled(chosen: set[int], times: Sequence[float], count: int) -> list[int]:
    """The chosen frames, and more in the middle of the longest times between them, up to `count`."""
    kept = sorted(chosen)
    while len(kept) < count:
        gaps = [(times[after] - times[before], before, after) for before, after in pairwise(kept)]
        open_gaps = [gap for gap in gaps if gap[2] - gap[1] > 1]
        if not open_gaps:
            break
        _, before, after = max(open_gaps, key=lambda gap: (gap[0], gap[2] - gap[1]))
        middle = _nearest(times, (times[before] + times[after]) / 2)
        kept = sorted({*kept, min(max(middle, before + 1), after - 1)})
    return kept
