"""The safe images of late: the same one is not decoded for every question about it; used by `intake`.

An image is known again only from the same client: how fast it is answered tells nobody what others have sent.
"""

import hashlib
from collections import OrderedDict
from typing import Generic, NamedTuple, Protocol, TypeVar

from viewfinder.media.data_url import DataUrl
from viewfinder.media.frames import AnyOrder

MOST_BYTES = 16 * 1024 * 1024
"""Of all safe images that are kept; those that were not used for the longest are forgotten."""
LOOKED_UP_BYTES = 1024 * 1024
"""A file of this size is hashed in 1 ms, which holds up everybody else. A larger one is decoded again."""


class Sized(Protocol):
    @property
    def size_bytes(self) -> int: ...


ImageT = TypeVar("ImageT", bound=Sized)


class Sight(NamedTuple):
    """An image as one client sent it, and what was to be made of it."""

    client: str
    sha256: bytes
    order: AnyOrder


class Seen(Generic[ImageT]):
    """Safe images by what they were made of."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._images: OrderedDict[Sight, ImageT] = OrderedDict()
        self.size_bytes = 0

    def get(self, sight: Sight | None) -> ImageT | None:
        if sight is None or sight not in self._images:
            return None
        self._images.move_to_end(sight)
        return self._images[sight]

    def put(self, sight: Sight | None, image: ImageT) -> None:
        """Keep the image, if it leaves room for others."""
        if sight is None or sight in self._images or image.size_bytes > self._most_bytes // 4:
            return
        self._images[sight] = image
        self.size_bytes += image.size_bytes
        while self.size_bytes > self._most_bytes:
            _, oldest = self._images.popitem(last=False)
            self.size_bytes -= oldest.size_bytes

    def clear(self) -> None:
        self._images.clear()
        self.size_bytes = 0


def sight_of(text: DataUrl, order: AnyOrder, client: str) -> Sight | None:
    """What an image is known by; None for one that is too large to be hashed."""
    if len(text) > LOOKED_UP_BYTES:
        return None
    written = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
    return Sight(client, hashlib.sha256(written).digest(), order)
