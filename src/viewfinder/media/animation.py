"""The frames of an animated GIF or WebP, and when each is shown; called by `clip`."""

import io
from collections.abc import Iterable, Iterator

from PIL import Image
from PIL.ImageFile import ImageFile

from viewfinder.media.animated import durations
from viewfinder.media.clip_kind import ClipKind
from viewfinder.media.frames import ClipOrder, Order
from viewfinder.media.header import ImageFormat, Refused, read_header
from viewfinder.media.moments import look
from viewfinder.media.picture import MAX_ASPECT, READERS, Picture, plain_picture

MOST_ANIMATED = 20_000


class Animation:
    """The footage of one file. Raises Refused, from its methods too."""

    format: ImageFormat = "png"

    def __init__(self, data: bytes, kind: ClipKind, order: ClipOrder) -> None:
        header = read_header(data)
        width, height = header.width, header.height
        if width * height > order.most_pixels:
            raise Refused("too_large", width=width, height=height, most=order.most_pixels)
        if max(width, height) > MAX_ASPECT * min(width, height):
            raise Refused("too_thin", width=width, height=height, most=MAX_ASPECT)
        self._data, self._format, self._size = data, header.format, (width, height)
        self.times: list[float] = []
        self.seconds = 0.0
        for shown_ms in durations(data, kind):
            self.times.append(round(self.seconds, 3))
            self.seconds += shown_ms / 1000
            if self.seconds > order.most_s and len(self.times) > 1:
                raise Refused("too_long", most=f"{order.most_s:g}")
            if len(self.times) > MOST_ANIMATED:
                raise Refused("too_many_frames", most=MOST_ANIMATED)
        self.total = len(self.times)

    def looks(self) -> Iterator[tuple[int, Image.Image]]:
        """Every frame, small, with its number."""
        image = self._opened()
        for at in range(self.total):
            image.seek(at)
            yield at, look(image)

    def pictures(self, wanted: Iterable[int], order: Order) -> Iterator[tuple[int, Picture]]:
        """The wanted frames in order, with their numbers."""
        image = self._opened()
        for at in wanted:
            image.seek(at)
            image.load()
            yield at, plain_picture(image, self.format, order)

    def _opened(self) -> ImageFile:
        image = READERS[self._format](io.BytesIO(self._data))
        if image.size != self._size:
            raise Refused("damaged")
        return image
