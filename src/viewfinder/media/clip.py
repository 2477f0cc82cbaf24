"""Bytes of a clip to a few of its frames, as safe pictures with their times; called by `decoder`, and by
`measure` for the clips that it draws."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from PIL import Image

from viewfinder.media.animation import Animation
from viewfinder.media.clip_kind import clip_kind
from viewfinder.media.frames import ClipOrder, Order
from viewfinder.media.header import Refused
from viewfinder.media.moments import by_change, by_time, change
from viewfinder.media.picture import Picture


class Footage(Protocol):
    """An opened clip: `times` are those of its frames in seconds from its beginning, ascending."""

    times: list[float]
    seconds: float
    total: int

    def looks(self) -> Iterator[tuple[int, Image.Image]]:
        """Frames as small pictures, with their numbers; of a long clip only some."""

    def pictures(self, wanted: Iterable[int], order: Order) -> Iterator[tuple[int, Picture]]:
        """The wanted frames with their numbers, ascending; one that is damaged is left out or replaced by
        the one beside it."""


@dataclass(frozen=True, slots=True)
class MadeClip:
    """The chosen frames and their `times` in seconds, of `total` frames in `seconds`."""

    pictures: Sequence[Picture]
    times: Sequence[float]
    total: int
    seconds: float


def make_clip(data: bytes, order: ClipOrder) -> MadeClip:
    """The frames of a clip as ordered. Raises Refused."""
    kind = clip_kind(data)
    try:
        footage: Footage
        if kind in ("gif", "webp"):
            footage = Animation(data, kind, order)
        else:
            from viewfinder.media.video import Video

            footage = Video(data, kind, order)
        wanted = _chosen(footage, order)
        each = Order(most_pixels=order.frame_pixels, most_bytes=order.most_bytes // max(1, len(wanted)))
        made = dict(footage.pictures(wanted, each))
    except (Refused, MemoryError):
        raise
    except Exception:  # any error of a codec on hostile bytes; its text never leaves this process
        raise Refused("damaged") from None
    if not made:
        raise Refused("no_frames")
    times = [round(footage.times[at] - footage.times[0], 2) for at in made]
    return MadeClip(list(made.values()), times, footage.total, round(footage.seconds, 2))


def _chosen(footage: Footage, order: ClipOrder) -> list[int]:
    if not footage.times:
        raise Refused("no_frames")
    if order.choose == "time" or len(footage.times) <= order.frames:
        return by_time(footage.times, order.frames)
    numbers, changes = [], []
    before: Image.Image | None = None
    for at, seen in footage.looks():
        numbers.append(at)
        changes.append(0.0 if before is None else change(before, seen))
        before = seen
    if len(numbers) < order.frames:
        return by_time(footage.times, order.frames)
    return [numbers[at] for at in by_change([footage.times[at] for at in numbers], changes, order.frames)]
